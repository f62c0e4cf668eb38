import DitherTransport
import Foundation
import Testing

@Suite("The gRPC door against frames that few clients send")
struct GrpcWireTests {
  private static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
    [0, 0, UInt8(payload.count), type, flags, 0, 0, 0, stream] + payload
  }

  @Test("an error of the connection tells the highest stream that was taken")
  func goAway() async throws {
    let server = try await ToyServer(.grpc), socket = try RawSocket(port: server.door.port)
    // HEADERS of stream 5: `:method POST` and no more, which is not gRPC. Then DATA on stream 0, which is an error of all.
    let bytes =
      Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + Self.frame(4)
      + Self.frame(1, flags: 4, stream: 5, [0x83, 0x86, 0x84]) + Self.frame(0, [1])
    socket.send(bytes)
    var received: [UInt8] = []
    while case let more = await socket.receive(), !more.isEmpty { received += more }
    var at = 0, last: UInt8?
    while at + 9 <= received.count {
      if received[at + 3] == 7 { last = received[at + 12] }
      at += 9 + Int(received[at]) << 16 + Int(received[at + 1]) << 8 + Int(received[at + 2])
    }
    #expect(last == 5)
    await server.close()
  }

  @Test(
    "a reset of a stream that was never opened ends no connection, wherever the bytes are cut",
    arguments: [1, 3, 9, 500])
  func idleReset(_ piece: Int) async throws {
    let server = try await ToyServer(.grpc), socket = try RawSocket(port: server.door.port)
    let ping = Self.frame(6, [1, 2, 3, 4, 5, 6, 7, 8])
    let bytes =
      Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + Self.frame(4) + Self.frame(3, stream: 3, [0, 0, 0, 8])
      + Self.frame(3, stream: 5, [0, 0, 0, 8]) + ping
    for start in stride(from: 0, to: bytes.count, by: piece) {
      socket.send(Array(bytes[start..<min(start + piece, bytes.count)]))
    }
    let answer = Self.frame(6, flags: 1, [1, 2, 3, 4, 5, 6, 7, 8])
    var received: [UInt8] = []
    while !received.suffix(answer.count).elementsEqual(answer) {
      let more = await socket.receive()
      try #require(!more.isEmpty, "the connection was closed")
      received += more
    }
    await server.close()
  }
}
