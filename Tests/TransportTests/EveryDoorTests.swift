import DitherProto
import DitherTransport
import Foundation
import NIOCore
import Synchronization
import Testing

/// The same behaviour through every door: framed and gRPC, plain and TLS 1.3, over real sockets.
@Suite("Every door", .serialized)
struct EveryDoorTests {
  private func with(
    _ kind: DoorKind, _ limits: (inout CallDispatcher.Limits) -> Void = { _ in },
    _ body: (ToyServer, any ToyClient) async throws -> Void
  ) async throws {
    let server = try await ToyServer(kind, limits)
    do {
      try await body(server, try await server.client())
    } catch {
      await server.close()
      throw error
    }
    await server.close()
  }

  /// Waits until it is so.
  private func until(_ condition: @Sendable () -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(20)
    while !condition() {
      try #require(ContinuousClock.now < end, "it never came to be")
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  @Test("unary calls, of any size", arguments: DoorKind.allCases, [0, 1, 70_000, 3_000_000])
  func unary(_ kind: DoorKind, _ size: Int) async throws {
    try await with(kind) { _, client in
      let sent = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) })
      let outcome = try await client.call("toy/Echo", [sent])
      #expect(outcome.error == nil)
      #expect(outcome.payloads == [Data(sent.reversed())])
    }
  }

  @Test("streams of a client, more than its credit", arguments: DoorKind.allCases)
  func clientStreaming(_ kind: DoorKind) async throws {
    try await with(kind) { _, client in
      let outcome = try await client.call("toy/Sum", [Data](repeating: Data(count: 50_000), count: 100))
      #expect(outcome.error == nil)
      #expect(outcome.messages == [Data([0x08]) + varint(5_000_000)])
    }
  }

  @Test("streams of a server, more than its credit", arguments: DoorKind.allCases)
  func serverStreaming(_ kind: DoorKind) async throws {
    try await with(kind) { _, client in
      let outcome = try await client.call("toy/Count", [Data("200,20000".utf8)])
      #expect(outcome.error == nil)
      #expect(outcome.payloads.map(\.count) == [Int](repeating: 20_000, count: 200))
      #expect(outcome.payloads.enumerated().allSatisfy { $1.first == UInt8(truncatingIfNeeded: $0) })
    }
  }

  @Test("a fault arrives with its code, words and details", arguments: DoorKind.allCases)
  func faults(_ kind: DoorKind) async throws {
    try await with(kind) { _, client in
      for code in StatusCode.allCases where code != .ok {
        let error = try await client.call("toy/Fail", [Data([UInt8(code.rawValue)])]).error
        #expect(error?.code == code && error?.message == "too wide: 10 % más")
        if kind.isFramed {
          #expect(error?.retryAfterMilliseconds == 70 && error?.details.count == 2)
        }
      }
    }
  }

  @Test(
    "who may call what", arguments: DoorKind.allCases,
    [
      (nil, "toy/Echo", .unauthenticated), ("nobody", "toy/Echo", .unauthenticated),
      ("app", "toy/Secret", .permissionDenied), ("root", "toy/Echo", nil), ("root", "toy/Secret", nil),
      ("root", "toy/Nothing", .unimplemented),
    ] as [(String?, String, StatusCode?)])
  func roles(_ kind: DoorKind, _ row: (token: String?, method: String, code: StatusCode?)) async throws {
    try await with(kind) { _, client in
      let outcome = try await client.call(row.method, token: row.token)
      #expect(outcome.error?.code == row.code)
    }
  }

  @Test("a deadline that passes ends the call and its handler", arguments: DoorKind.allCases)
  func deadlines(_ kind: DoorKind) async throws {
    try await with(kind) { server, client in
      let error = try await client.call("toy/Wait", timeout: .milliseconds(60)).error
      #expect(error?.code == .deadlineExceeded)
      try await until { server.toys.stopped.load(ordering: .relaxed) == 1 }
      #expect(try await client.call("toy/Echo").error == nil)
    }
  }

  @Test("a call that is cancelled, and one whose client is gone, tell their handlers", arguments: DoorKind.allCases)
  func cancellation(_ kind: DoorKind) async throws {
    try await with(kind) { server, client in
      let call = try await client.start("toy/Wait")
      try await until { server.toys.waiting.load(ordering: .relaxed) == 1 }
      call.cancel()
      try await until { server.toys.stopped.load(ordering: .relaxed) == 1 }
      _ = try await client.start("toy/Wait")
      try await until { server.toys.waiting.load(ordering: .relaxed) == 2 }
      await client.vanish()
      try await until { server.toys.stopped.load(ordering: .relaxed) == 2 }
      try await until { server.dispatcher.callsInFlight == 0 && server.door.connectionCount == 0 }
    }
  }

  @Test("a message above the limit ends its call and no other", arguments: DoorKind.allCases)
  func oversize(_ kind: DoorKind) async throws {
    try await with(kind, { $0.messageBytes = 10_000 }) { _, client in
      let other = try await client.start("toy/Wait", timeout: .seconds(5))
      let error = try await client.call("toy/Echo", [Data(count: 20_000)]).error
      #expect(error?.code == .resourceExhausted)
      #expect(try await client.call("toy/Echo", [Data(count: 9000)]).error == nil)
      other.cancel()
    }
  }

  @Test("past the bound of calls in flight the answer is at once, with a time to wait", arguments: DoorKind.allCases)
  func tooMany(_ kind: DoorKind) async throws {
    try await with(kind, { $0.callsInFlight = 2 }) { server, client in
      for _ in 0..<2 { _ = try await client.start("toy/Wait") }
      try await until { server.toys.waiting.load(ordering: .relaxed) == 2 }
      let error = try await client.call("toy/Echo").error
      #expect(error?.code == .resourceExhausted)
      #expect(!kind.isFramed || error?.retryAfterMilliseconds != nil)
      server.toys.released.store(true, ordering: .relaxed)
      try await until { server.dispatcher.callsInFlight == 0 }
      #expect(try await client.call("toy/Echo").error == nil)
    }
  }

  @Test("who does not read slows no one else, and fills no memory", arguments: DoorKind.allCases)
  func slowReader(_ kind: DoorKind) async throws {
    try await with(kind) { server, client in
      // 200 MB, were they all taken.
      let slow = try await client.start("toy/Count", [Data("2000,100000".utf8)], isRead: false)
      for _ in 0..<50 { #expect(try await client.call("toy/Echo", [Data("x".utf8)]).error == nil) }
      try await Task.sleep(for: .milliseconds(100))
      #expect(server.toys.sent.load(ordering: .relaxed) < 200)
      slow.cancel()
      try await until { server.dispatcher.callsInFlight == 0 }
    }
  }

  @Test("a drain lets calls in flight end and takes no new ones", arguments: DoorKind.allCases)
  func drain(_ kind: DoorKind) async throws {
    try await with(kind) { server, client in
      let call = try await client.start("toy/Wait")
      try await until { server.toys.waiting.load(ordering: .relaxed) == 1 }
      server.dispatcher.drain()
      async let drained: Void = server.door.drain(grace: .seconds(20))
      let refused = try? await client.call("toy/Echo")
      #expect(refused == nil || refused?.error?.code == .unavailable)
      server.toys.released.store(true, ordering: .relaxed)
      let outcome = await call.outcome()
      #expect(outcome.error == nil)
      #expect(outcome.payloads == [Data("released".utf8)])
      await drained
      #expect(server.door.connectionCount == 0)
      await #expect(throws: (any Error).self) { _ = try await server.client().call("toy/Echo").error.map { throw $0 } }
    }
  }

  private func varint(_ value: UInt64) -> Data {
    var value = value, out = Data()
    while value >= 0x80 {
      out.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    return out + [UInt8(value)]
  }
}
