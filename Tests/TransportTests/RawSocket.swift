import DitherProto
import Foundation
import Testing

/// A plain socket, so that a test may send what no client would.
final class RawSocket {
  private let descriptor: Int32
  private var reader = FrameReader(limit: 1 << 24)

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(result == 0)
    // Tests that compute may hold every thread of the pool for minutes; a server's task waits as long.
    var patience = timeval(tv_sec: 300, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
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

  /// What has come; nothing at the end of the stream. On a thread that may wait.
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
