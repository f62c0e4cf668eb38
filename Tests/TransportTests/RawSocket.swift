import DitherProto
import DitherTestSupport
import Foundation

/// A plain socket, so that a test may send what no client would.
final class RawSocket {
  private let descriptor: Int32
  private var reader = FrameReader(limit: 1 << 24)

  init(port: Int) throws {
    descriptor = try Loopback.connect(port: port)
  }
  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) { _ = Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
  func send(_ frame: Dither_V1_Frame) { send(FrameCodec.encode(frame)) }

  /// nil at the end of the stream.
  func next() async throws -> Dither_V1_Frame? {
    while true {
      if let frame = try reader.next() { return frame }
      let bytes = await receive()
      guard !bytes.isEmpty else { return nil }
      reader.append(bytes)
    }
  }

  /// Bytes that have come; nothing at the end of the stream. On a thread that may wait.
  func receive() async -> [UInt8] {
    let descriptor = descriptor
    return await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        continuation.resume(returning: Array(buffer[..<max(count, 0)]))
      }
    }
  }

  /// The reason of the GoAway that ends the stream.
  func farewell() async throws -> CallError? {
    var last: CallError?
    while let frame = try await next() { if case .goAway(let goAway) = frame.kind { last = CallError(goAway.status) } }
    return last
  }
}
