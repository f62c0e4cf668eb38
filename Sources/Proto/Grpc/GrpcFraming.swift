import Foundation

/// Cuts the bytes of one gRPC stream, however they are split, into messages: a byte that says whether it is compressed,
/// its length in four bytes, then the message. Source: grpc/doc/PROTOCOL-HTTP2.md of the gRPC project, "Length-Prefixed-Message".
public struct GrpcFraming: Sendable {
  /// Bytes before each message.
  public static let prefixBytes = 5
  /// The largest message that is taken, prefix not counted.
  public let limit: Int
  /// Whether compressed messages are taken, as they are.
  public var takesCompressed = false
  private var bytes = ByteQueue()

  /// - Parameter limit: bytes of one message, its prefix not counted.
  public init(limit: Int) { self.limit = limit }

  /// Bytes that wait for the rest of their message.
  public var pendingBytes: Int { bytes.count }

  public mutating func append(_ bytes: some Sequence<UInt8>) { self.bytes.append(bytes) }

  /// The stream is over: what waits is let go of.
  public mutating func clear() { bytes.clear() }

  /// The next whole message.
  /// - Throws: `CallError` when it is compressed and shall not be, or above the limit, as soon as its prefix says so.
  public mutating func next() throws(CallError) -> Data? {
    guard pendingBytes >= Self.prefixBytes else { return nil }
    guard bytes[0] == 0 || bytes[0] == 1 && takesCompressed else {
      throw CallError(.unimplemented, "compressed messages are taken of calls that say grpc-encoding: gzip")
    }
    let length = bytes[1..<Self.prefixBytes].reduce(0) { $0 << 8 | Int($1) }
    guard length <= limit else {
      throw CallError(.resourceExhausted, "a message of at most \(limit) bytes is taken, \(length) came")
    }
    let end = Self.prefixBytes + length
    guard bytes.count >= end else {
      bytes.expect(end)
      return nil
    }
    let message = Data(bytes[Self.prefixBytes..<end])
    bytes.drop(end)
    return message
  }

  /// The prefix of a message that is sent.
  public static func prefix(_ count: Int, isCompressed: Bool = false) -> (compressed: UInt8, length: UInt32) {
    (isCompressed ? 1 : 0, UInt32(clamping: count))
  }
}
