import DitherBasics
import DitherProto
import Foundation

/// Messages of a call that are compressed by gzip: unfolded before they are decoded, and answered alike. No protobuf
/// message begins as gzip does: its first byte would be of a wire type that there is not.
struct PackedMessages: Sendable {
  /// The largest message that may come out.
  let limit: Int

  /// Answers below this are shorter than what compressing them takes.
  private static let leastBytes = 1024
  /// The most that is unfolded or compressed on an event loop: about half a millisecond.
  private static let mostOnLoop = 64 << 10

  /// Whether a message is compressed.
  static func isPacked(_ message: Data) -> Bool { Deflate.isGzip(message) }

  /// Whether unfolding it keeps a thread for so short a time that an event loop may do it.
  func isShort(_ message: Data) -> Bool {
    message.count <= Self.mostOnLoop && Deflate.claimedBytes(message) <= Self.mostOnLoop
  }

  /// The message itself.
  func unfolded(_ message: Data) throws(CallError) -> Data {
    guard Self.isPacked(message) else { return message }
    // A short one may be no longer than it says: that is what let it be unfolded where it was read.
    let most = isShort(message) ? min(Deflate.claimedBytes(message), limit) : limit
    do { return Data(try Deflate.inflated([UInt8](message), windowBits: 15 + 16, limit: most)) } catch {
      guard error != .tooLarge else {
        throw CallError(
          .resourceExhausted, "a message of at most \(limit) bytes is taken, more came of a compressed one")
      }
      throw CallError(.invalidArgument, "a compressed message does not unfold: expected gzip")
    }
  }

  /// The answer, compressed where that makes it shorter.
  func packed(_ answer: Data, onLoop: Bool) -> Data {
    guard answer.count >= Self.leastBytes, !onLoop || answer.count <= Self.mostOnLoop,
      let short = Deflate.gzip([UInt8](answer)), short.count < answer.count
    else { return answer }
    return Data(short)
  }
}
