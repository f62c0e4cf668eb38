import DitherTestSupport
import DitherTransport
import Foundation
import Synchronization
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

  /// Frames as they come.
  private struct Frames {
    let socket: RawSocket
    private var buffer: [UInt8] = []
    init(_ socket: RawSocket) { self.socket = socket }

    /// - Returns: nil at the end of the connection.
    mutating func next() async -> (type: UInt8, flags: UInt8, stream: UInt8, payload: [UInt8])? {
      while true {
        if buffer.count >= 9 {
          let length = 9 + Int(buffer[0]) << 16 + Int(buffer[1]) << 8 + Int(buffer[2])
          if buffer.count >= length {
            defer { buffer.removeFirst(length) }
            return (buffer[3], buffer[4], buffer[8], Array(buffer[9..<length]))
          }
        }
        let more = await socket.receive()
        guard !more.isEmpty else { return nil }
        buffer += more
      }
    }

    mutating func wait(for type: UInt8, stream: UInt8, end: Bool = false) async throws -> [UInt8] {
      while let frame = await next() {
        if frame.type == 7, type != 7 { try #require(frame.payload[7] == 0, "GOAWAY tells of an error") }
        if frame.type == type, frame.stream == stream, !end || frame.flags & 1 == 1 { return frame.payload }
      }
      throw Lost(what: "frame \(type) of stream \(stream)")
    }
  }
  private struct Lost: Error { let what: String }

  /// HEADERS of a call without compression, then DATA with one empty message and the end.
  private static func call(_ method: String, stream: UInt8, _ further: [(String, String)] = []) -> [UInt8] {
    let headers =
      [
        (":method", "POST"), (":scheme", "http"), (":path", "/" + method), (":authority", "toys"), ("te", "trailers"),
        ("content-type", "application/grpc"), ("authorization", "Bearer app"),
      ] + further
    var block: [UInt8] = []
    for (name, value) in headers {
      block += [0, UInt8(name.utf8.count)] + Array(name.utf8)
      block += [UInt8(value.utf8.count)] + Array(value.utf8)
    }
    return frame(1, flags: 4, stream: stream, block) + frame(0, flags: 1, stream: stream, [0, 0, 0, 0, 0])
  }

  private static let opening = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4)

  @Test("calls that cross the first GOAWAY are answered, those behind the second refused, and the one in flight ends")
  func crossing() async throws {
    let server = try await ToyServer(.grpc), socket = try RawSocket(port: server.door.port)
    var frames = Frames(socket)
    socket.send(Self.opening + Self.call("toy/Wait", stream: 1))
    try await until { server.toys.waiting.load(ordering: .relaxed) == 1 }
    async let drained: Void = server.door.drain(grace: Duration.seconds(20).asBuilt)
    // Whatever is on its way is taken.
    #expect(try await frames.wait(for: 7, stream: 0) == [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0])
    let ping = try await frames.wait(for: 6, stream: 0)
    socket.send(Self.call("toy/Echo", stream: 3) + Self.frame(6, flags: 1, ping))
    // The last that was taken.
    var heard: Set<UInt8> = [], last: [UInt8]?
    while heard != [3] || last == nil {
      guard let frame = await frames.next() else { throw Lost(what: "an answer and a second GOAWAY") }
      if frame.type == 7 { last = frame.payload }
      if frame.type == 1, frame.flags & 1 == 1 { heard.insert(frame.stream) }
      #expect(frame.type != 3)
    }
    #expect(last == [0, 0, 0, 3, 0, 0, 0, 0])
    for stream: UInt8 in [5, 7] {
      socket.send(Self.call("toy/Echo", stream: stream))
      #expect(try await frames.wait(for: 3, stream: stream) == [0, 0, 0, 7])
    }
    server.toys.released.store(true, ordering: .relaxed)
    #expect(try await frames.wait(for: 0, stream: 1).suffix(8) == Array("released".utf8))
    _ = try await frames.wait(for: 1, stream: 1, end: true)
    // What a client says that reads its answer is no error.
    socket.send(Self.frame(8, [0, 0, 1, 0]) + Self.frame(6, [1, 2, 3, 4, 5, 6, 7, 8]))
    while let frame = await frames.next() { #expect(frame.type != 7, "GOAWAY \(frame.payload)") }
    await drained
    #expect(server.door.connectionCount == 0 && server.toys.echoed.load(ordering: .relaxed) == 1)
    await server.close()
  }

  @Test("a client that does not read the first GOAWAY is told the last stream all the same, after a second")
  func unread() async throws {
    let server = try await ToyServer(.grpc), socket = try RawSocket(port: server.door.port)
    var frames = Frames(socket)
    socket.send(Self.opening)
    _ = try await frames.wait(for: 4, stream: 0)
    try await until { server.door.connectionCount == 1 }
    async let drained: Void = server.door.drain(grace: Duration.seconds(20).asBuilt)
    #expect(try await frames.wait(for: 7, stream: 0).prefix(4) == [0x7F, 0xFF, 0xFF, 0xFF])
    #expect(try await frames.wait(for: 7, stream: 0) == [0, 0, 0, 0, 0, 0, 0, 0])
    while await frames.next() != nil {}
    await drained
    await server.close()
  }

  @Test("what one stream does wrong is answered there, and ends no other call")
  func streamError() async throws {
    let server = try await ToyServer(.grpc), socket = try RawSocket(port: server.door.port)
    var frames = Frames(socket)
    socket.send(Self.opening + Self.call("toy/Wait", stream: 1))
    try await until { server.toys.waiting.load(ordering: .relaxed) == 1 }
    // More bytes than its head has said.
    socket.send(Self.call("toy/Echo", stream: 3, [("content-length", "2")]))
    _ = try await frames.wait(for: 3, stream: 3)
    server.toys.released.store(true, ordering: .relaxed)
    #expect(try await frames.wait(for: 0, stream: 1).suffix(8) == Array("released".utf8))
    await server.close()
  }
}
