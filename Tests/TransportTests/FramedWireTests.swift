import DitherProto
import DitherTestSupport
import DitherTransport
import Foundation
import SwiftProtobuf
import Synchronization
import Testing

@Suite("The framed door against bytes that no client sends", .serialized)
struct FramedWireTests {
  private static let hello = WireLimits().hello

  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var bytes: [UInt8]
    var code: StatusCode
    var testDescription: String { name }
  }

  private static func frame(_ change: (inout Dither_V1_Frame) -> Void) -> [UInt8] {
    var frame = Dither_V1_Frame()
    change(&frame)
    return FrameCodec.encode(frame)
  }

  private static let rows = [
    Row(name: "no Hello", bytes: frame { $0.ping.nonce = 1 }, code: .failedPrecondition),
    Row(name: "another version", bytes: frame { $0.hello.version = 9 }, code: .failedPrecondition),
    Row(
      name: "frames too small for an error",
      bytes: frame {
        $0.hello = hello.hello
        $0.hello.maxFrameBytes = 10
      }, code: .failedPrecondition),
    Row(
      name: "HTTP", bytes: Array("GET / HTTP/1.1\r\nHost: \(String(repeating: "x", count: 99))\r\n\r\n".utf8),
      code: .invalidArgument),
    Row(name: "an endless length", bytes: [UInt8](repeating: 0xFF, count: 12), code: .invalidArgument),
    Row(name: "a frame above the limit", bytes: [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], code: .resourceExhausted),
    Row(name: "a second Hello", bytes: FrameCodec.encode(hello) + FrameCodec.encode(hello), code: .invalidArgument),
    Row(name: "an empty frame", bytes: FrameCodec.encode(hello) + [0], code: .invalidArgument),
    Row(
      name: "a call id twice",
      bytes: FrameCodec.encode(hello)
        + [UInt8](
          repeatElement(
            frame {
              $0.open.call = 1
              $0.open.method = "toy/Echo"
            }, count: 2
          ).joined()), code: .invalidArgument),
  ]

  @Test("ends the connection with a GoAway that says why", arguments: rows)
  func goAway(_ row: Row) async throws {
    let server = try await ToyServer(.framed)
    let socket = try RawSocket(port: server.door.port)
    socket.send(row.bytes)
    let reason = try await socket.farewell()
    #expect(reason?.code == row.code, "\(String(describing: reason))")
    #expect(reason?.message.isEmpty == false)
    await server.close()
  }

  @Test("half a frame and then nothing: the next client is served")
  func halfFrame() async throws {
    let server = try await ToyServer(.framed)
    do {
      let socket = try RawSocket(port: server.door.port)
      socket.send(Self.hello)
      socket.send([0x80, 0x02, 0x12])
    }
    #expect(try await server.client().call("toy/Echo").error == nil)
    await server.close()
  }

  @Test("half frames of all connections have a bound; whoever is beyond it is told, and its bytes are let go of")
  func halfFrames() async throws {
    let server = try await ToyServer(.framed) { $0.halfReadBytes = 3 << 20 }
    // A frame of 4 MiB, of which 1 MiB comes.
    let half: [UInt8] = [0x80, 0x80, 0x80, 0x02] + [UInt8](repeating: 0, count: 1 << 20)
    func begin() throws -> RawSocket {
      let socket = try RawSocket(port: server.door.port)
      socket.send(Self.hello)
      socket.send(half)
      return socket
    }
    func held(_ count: Int) async throws {
      let bytes = count * half.count
      for _ in 0..<500 where server.dispatcher.halfRead.used != bytes { try await Task.sleep(for: .milliseconds(10)) }
      #expect(server.dispatcher.halfRead.used == bytes)
    }
    // One address has three quarters of the three.
    var standing = try (0..<2).map { _ in try begin() }
    try await held(2)
    let refused = try begin()
    #expect(try await refused.farewell()?.code == .resourceExhausted)
    try await held(2)
    #expect(try await server.client().call("toy/Echo").error == nil, "calls that come whole are served")
    standing.removeLast()
    try await held(1)
    standing.append(try begin())
    try await held(2)
    await server.close()
  }

  @Test("half frames of strangers have a bound of their own, which a caller who is known does not meet")
  func strangersHalfFrames() async throws {
    let server = try await ToyServer(.framed) { $0.strangerHalfReadBytes = 3 << 19 }
    let half: [UInt8] = [0x80, 0x80, 0x80, 0x02] + [UInt8](repeating: 0, count: 1 << 20)
    func begin(_ bytes: [UInt8]) throws -> RawSocket {
      let socket = try RawSocket(port: server.door.port)
      socket.send(Self.hello)
      socket.send(bytes)
      return socket
    }
    func opening(_ token: String) -> [UInt8] {
      let whole = FrameCodec.encode(
        .with {
          ($0.open.call, $0.open.method) = (1, "toy/Echo")
          $0.open.metadata = ["authorization": "Bearer \(token)"]
          $0.open.first = Data(count: 2 << 20)
        })
      return Array(whole[..<(1 << 20)])
    }
    func used(_ bytes: Int) async throws {
      for _ in 0..<500 where server.dispatcher.halfRead.used != bytes { try await Task.sleep(for: .milliseconds(10)) }
      #expect(server.dispatcher.halfRead.used == bytes)
    }
    let standing = try begin(half)
    try await used(half.count)
    let refused = try begin(half), unknown = try begin(opening("wrong"))
    #expect(try await refused.farewell()?.code == .resourceExhausted)
    #expect(try await unknown.farewell()?.code == .resourceExhausted)
    let known = try begin(opening("app"))
    try await used(half.count + (1 << 20))
    withExtendedLifetime((standing, known)) {}
    await server.close()
  }

  @Test("a call's mistake ends that call and no other")
  func oneCallOnly() async throws {
    let server = try await ToyServer(.framed)
    let socket = try RawSocket(port: server.door.port)
    socket.send(Self.hello)
    for id in [1, 2] as [UInt32] {
      socket.send(
        Self.frame {
          $0.open.call = id
          $0.open.method = "toy/Sum"
          $0.open.metadata = ["authorization": "Bearer app"]
          $0.open.end = id == 1
        })
    }
    // After the end of the first; on a call that never was; and the second goes on.
    for id in [1, 9] as [UInt32] {
      socket.send(
        Self.frame {
          $0.message.call = id
          $0.message.payload = Data([1])
        })
    }
    socket.send(Self.frame { $0.end.call = 2 })
    var ends: [UInt32: UInt32] = [:]
    while ends.count < 3, let frame = try await socket.next() {
      if case .end(let end) = frame.kind { ends[end.call] = end.status.code }
    }
    #expect(ends[2] == 0)
    #expect(ends[9] == StatusCode.invalidArgument.rawValue)
    // The first may have been answered before the message came.
    #expect(ends[1] == 0 || ends[1] == StatusCode.invalidArgument.rawValue)
    await server.close()
  }

  @Test("a deadline beyond all time is none", arguments: [UInt64.max, UInt64(Int64.max), 1 << 60])
  func endless(_ timeout: UInt64) async throws {
    let server = try await ToyServer(.framed)
    let socket = try RawSocket(port: server.door.port)
    socket.send(Self.hello)
    socket.send(
      Self.frame {
        $0.open.call = 1
        $0.open.method = "toy/Echo"
        $0.open.metadata = ["authorization": "Bearer app"]
        $0.open.timeoutUs = timeout
        $0.open.first = Data()
        $0.open.end = true
      })
    var code: UInt32?
    while code == nil, let frame = try await socket.next() {
      if case .end(let end) = frame.kind { code = end.status.code }
    }
    #expect(code == 0)
    await server.close()
  }

  @Test("a drain waits for an answer that its reader takes slowly")
  func drainWaitsForBytes() async throws {
    let server = try await ToyServer(.framed), socket = try RawSocket(port: server.door.port)
    var generous = Self.hello
    generous.hello.maxFrameBytes = 32 << 20
    socket.send(generous)
    guard case .hello? = try await socket.next()?.kind else {
      Issue.record("no Hello")
      return
    }
    let payload = Data(repeating: 7, count: 12_000_000)
    let request = try Bytes(payload).serializedData()
    socket.send(
      Self.frame {
        $0.open.call = 1
        $0.open.method = "toy/Echo"
        $0.open.metadata = ["authorization": "Bearer app"]
        $0.open.first = request
        $0.open.end = true
      })
    while server.toys.echoed.load(ordering: .relaxed) == 0 { try await Task.sleep(for: .milliseconds(2)) }
    async let drained: Void = server.door.drain(grace: Duration.seconds(20).asBuilt)
    try await Task.sleep(for: .milliseconds(300))
    var answer: Data?
    while let frame = try await socket.next() { if case .end(let end) = frame.kind { answer = end.last } }
    #expect(answer == request)
    await drained
    await server.close()
  }

  @Test("before Hello no frame above 4 KiB is waited for")
  func largeBeforeHello() async throws {
    let server = try await ToyServer(.framed), socket = try RawSocket(port: server.door.port)
    socket.send([0x81, 0x20])
    #expect(try await socket.farewell()?.code == .resourceExhausted)
    await server.close()
  }

  @Test("a frame with a flood of metadata is not decoded")
  func metadataFlood() async throws {
    let server = try await ToyServer(.framed), socket = try RawSocket(port: server.door.port)
    socket.send(Self.hello)
    _ = try await socket.next()
    socket.send(
      Self.frame { frame in
        frame.open.call = 1
        frame.open.method = "toy/Echo"
        for number in 0..<5000 { frame.open.metadata["\(number)"] = "" }
      })
    #expect(try await socket.farewell()?.code == .resourceExhausted)
    await server.close()
  }

  @Test("ping is answered with its nonce")
  func ping() async throws {
    let server = try await ToyServer(.framed)
    let socket = try RawSocket(port: server.door.port)
    socket.send(Self.hello)
    socket.send(Self.frame { $0.ping.nonce = 77 })
    var nonce: UInt64?
    while nonce == nil, let frame = try await socket.next() {
      if case .pong(let pong) = frame.kind { nonce = pong.nonce }
    }
    #expect(nonce == 77)
    await server.close()
  }
}
