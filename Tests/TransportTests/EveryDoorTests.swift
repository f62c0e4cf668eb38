import DitherProto
import DitherTestSupport
import DitherTransport
import Foundation
import NIOCore
import SwiftProtobuf
import Synchronization
import Testing

/// The same behavior through every door: framed and gRPC, plain and TLS 1.3, over real sockets.
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

  @Test("who goes beyond the pace of his token is told how long to wait", arguments: DoorKind.allCases)
  func pace(_ kind: DoorKind) async throws {
    try await with(kind) { server, client in
      for _ in 0..<2 { #expect(try await client.call("toy/Echo", token: "paced").error == nil) }
      for _ in 0..<3 {
        let error = try await client.call("toy/Echo", token: "paced").error
        #expect(error?.code == .resourceExhausted && error?.message.contains("2 calls in each second") == true)
        if kind.isFramed { #expect(error?.retryAfterMilliseconds == 500) }
      }
      #expect(try await client.call("toy/Echo").error == nil)
      #expect(server.dispatcher.rates.refused.map { "\($0.caller) \($0.count)" } == ["paced 3"])
    }
  }

  @Test("unknown callers wait, then their connection ends; a known one is let in", arguments: DoorKind.allCases)
  func strangers(_ kind: DoorKind) async throws {
    let limits = { (limits: inout CallDispatcher.Limits) in
      (limits.strangerTries, limits.strangerTriesPerSecond) = (8, 0)
    }
    try await with(kind, limits) { server, client in
      let neighbor = try await server.client()
      let chat = try await neighbor.chat()
      for number in 0..<8 {
        #expect(try await client.call("toy/Echo", token: "wrong \(number)").error?.code == .unauthenticated)
      }
      var ended = 0
      for number in 0..<40 where ended == 0 {
        // What the doors say of a connection that is over differs; of a call on one that is open it does not.
        guard let outcome = try? await client.call("toy/Echo", token: "wrong \(number)"),
          outcome.error?.code == .resourceExhausted
        else {
          ended = number
          break
        }
        if kind.isFramed { #expect(outcome.error?.retryAfterMilliseconds != nil) }
      }
      #expect((1..<20).contains(ended), "\(ended)")
      // The same address: a caller that is known, on a connection that was there and on a new one.
      try await chat.say("x")
      #expect(try await chat.answer(0) == "x")
      #expect(try await server.client().call("toy/Echo").error == nil)
      #expect(try await neighbor.call("toy/Echo", token: nil).error?.code == .resourceExhausted)
      // Where somebody was known there may be others behind the same proxy: it stays.
      for _ in 0..<40 { #expect(try await neighbor.call("toy/Echo", token: "x").error?.code == .resourceExhausted) }
      #expect(try await neighbor.call("toy/Echo").error == nil)
      chat.cancel()
    }
  }

  @Test("who connects and does not call keeps no place, nor who is silent before that", arguments: DoorKind.allCases)
  func silence(_ kind: DoorKind) async throws {
    let limits = { (limits: inout CallDispatcher.Limits) in
      (limits.strangerPatience, limits.framePatience) = (.seconds(1), .seconds(1))
    }
    try await with(kind, limits) { server, caller in
      #expect(try await caller.call("toy/Echo").error == nil)
      // One that has its handshakes behind it, one that never begins them, and one whose caller nobody knows.
      let idle = try await server.client(), silent = try RawSocket(port: server.door.port)
      let stranger = try await server.client()
      #expect(try await stranger.call("toy/Echo", token: "nobody").error?.code == .unauthenticated)
      while case let bytes = await silent.receive(), !bytes.isEmpty {}
      try await until { server.door.connectionCount == 1 }
      #expect(try await caller.call("toy/Echo").error == nil)
      withExtendedLifetime((idle, stranger)) {}
    }
  }

  @Test("a known caller keeps its connection between calls, but not for ever", arguments: DoorKind.allCases)
  func idle(_ kind: DoorKind) async throws {
    try await with(kind, { $0.idlePatience = .milliseconds(100) }) { server, client in
      #expect(try await client.call("toy/Echo").error == nil)
      try await until { server.door.connectionCount == 0 }
    }
  }

  @Test("calls of a token that is revoked end soon, whatever they wait for", arguments: DoorKind.allCases)
  func revoked(_ kind: DoorKind) async throws {
    try await with(kind, { $0.recognition = .milliseconds(20) }) { server, client in
      let chat = try await client.chat()
      try await chat.say("x")
      #expect(try await chat.answer(0) == "x")
      let unread = try await client.start("toy/Count", [Data("2000,100000".utf8)], isRead: false)
      let waiting = try await client.start("toy/Wait")
      try await until { server.toys.waiting.load(ordering: .relaxed) == 1 && server.dispatcher.callsInFlight == 3 }
      // Many looks later they still go on.
      try await Task.sleep(for: .milliseconds(200))
      #expect(server.dispatcher.callsInFlight == 3)
      server.keys.areRevoked.store(true, ordering: .relaxed)
      #expect(await chat.outcome().error?.code == .unauthenticated)
      #expect(await waiting.outcome().error?.code == .unauthenticated)
      try await until { server.dispatcher.callsInFlight == 0 && server.toys.stopped.load(ordering: .relaxed) == 2 }
      unread.cancel()
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
      async let drained: Void = server.door.drain(grace: Duration.seconds(20).asBuilt)
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

  @Test("streams each way go hand in hand, and either side may end first", arguments: DoorKind.allCases)
  func bidirectional(_ kind: DoorKind) async throws {
    try await with(kind) { server, client in
      let call = try await client.chat()
      for number in 0..<20 {
        // The next is sent when the answer to the last is here.
        try await call.say("n\(number)")
        #expect(try await call.answer(number) == String("n\(number)".reversed()))
      }
      call.halfClose()
      let outcome = await call.outcome()
      #expect(outcome.error == nil && outcome.payloads.count == 21 && outcome.payloads.last == Data("end".utf8))
      // The server ends, the client has not: that is a good end too, and what is sent later disturbs nobody.
      let short = try await client.chat()
      try await short.say("bye")
      #expect(await short.outcome().error == nil)
      try? await short.say("too late")
      short.halfClose()
      // Nothing said at all.
      let silent = try await client.chat()
      silent.halfClose()
      #expect(await silent.outcome().payloads == [Data("end".utf8)])
      #expect(try await client.call("toy/Echo").error == nil)
      try await until { server.dispatcher.callsInFlight == 0 }
    }
  }

  @Test(
    "streams each way that are cancelled, late, or whose client is gone, tell their handlers",
    arguments: DoorKind.allCases)
  func bidirectionalEnds(_ kind: DoorKind) async throws {
    try await with(kind) { server, client in
      let late = try await client.chat(timeout: .milliseconds(300))
      try await late.say("x")
      #expect(try await late.answer(0) == "x")
      #expect(await late.outcome().error?.code == .deadlineExceeded)
      try await until { server.toys.stopped.load(ordering: .relaxed) == 1 }
      let cancelled = try await client.chat()
      try await cancelled.say("x")
      #expect(try await cancelled.answer(0) == "x")
      cancelled.cancel()
      try await until { server.toys.stopped.load(ordering: .relaxed) == 2 }
      let lost = try await client.chat()
      try await lost.say("x")
      #expect(try await lost.answer(0) == "x")
      await client.vanish()
      try await until { server.toys.stopped.load(ordering: .relaxed) == 3 && server.dispatcher.callsInFlight == 0 }
    }
  }

  @Test("who sends and does not read is slowed, and nobody else", arguments: DoorKind.allCases)
  func bidirectionalBackpressure(_ kind: DoorKind) async throws {
    try await with(kind) { server, client in
      let slow = try await client.chat(isRead: false), message = try Bytes(Data(count: 100_000)).serializedData()
      // 100 MB, were they all taken.
      let sender = Task { for _ in 0..<1000 { try await slow.send(message) } }
      try await Task.sleep(for: .milliseconds(200))
      for _ in 0..<20 { #expect(try await client.call("toy/Echo", [Data("x".utf8)]).error == nil) }
      #expect(server.toys.sent.load(ordering: .relaxed) < 300)
      slow.cancel()
      try await until { server.dispatcher.callsInFlight == 0 }
      _ = await sender.result
    }
  }

  @Test("a caller's share of the calls is not the others'", arguments: DoorKind.allCases)
  func share(_ kind: DoorKind) async throws {
    try await with(kind, { $0.callsPerCaller = 3 }) { server, client in
      var calls: [any ToyCall] = []
      for _ in 0..<3 { calls.append(try await client.chat()) }
      try await until { server.dispatcher.callsInFlight == 3 }
      let refused = try await client.call("toy/Echo")
      #expect(refused.error?.code == .resourceExhausted && refused.error?.message.contains("'app'") == true)
      #expect(try await client.call("toy/Echo", token: "root").error == nil)
      for call in calls { call.cancel() }
      // A place is kept until the call's task has ended too.
      var answer = try await client.call("toy/Echo")
      for _ in 0..<500 where answer.error?.code == .resourceExhausted {
        try await Task.sleep(for: .milliseconds(10))
        answer = try await client.call("toy/Echo")
      }
      #expect(answer.error == nil)
    }
  }

  @Test("who opens a call and does not say what keeps no place, whatever it asks for", arguments: DoorKind.allCases)
  func requestPatience(_ kind: DoorKind) async throws {
    try await with(kind, { $0.requestPatience = .milliseconds(100) }) { server, client in
      let silent = try await client.open(
        "toy/Echo", metadata: ["authorization": "Bearer app"], timeout: .hours(9), isRead: true)
      #expect(await silent.outcome().error?.code == .deadlineExceeded)
      // A call that has said it takes its time.
      let slow = try await client.start("toy/Wait", timeout: .hours(9))
      try await Task.sleep(for: .milliseconds(300))
      #expect(server.dispatcher.callsInFlight == 1)
      slow.cancel()
    }
  }

  @Test("a call that is let in begins a span, with what its metadata says of the trace", arguments: DoorKind.allCases)
  func traced(_ kind: DoorKind) async throws {
    try await with(kind) { server, client in
      let place = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
      let call = try await client.open(
        "toy/Chat", metadata: ["authorization": "Bearer app", "traceparent": place], timeout: nil, isRead: true)
      #expect(try await client.call("toy/Echo").error == nil)
      #expect(try await client.call("toy/Echo", token: "nobody").error?.code == .unauthenticated)
      call.cancel()
      let all = server.traced.all.withLock { $0 }
      #expect(all.sorted() == ["toy/Chat \(place)", "toy/Echo -"])
    }
  }

  @Test("no caller gets more time than the server gives", arguments: DoorKind.allCases)
  func longestTimeout(_ kind: DoorKind) async throws {
    // The toys' own deadline is 20 s as built, so that is what is left of any wish.
    let most = Int(Duration.seconds(20).asBuilt / .seconds(1))
    try await with(kind, { $0.longestTimeout = .zero }) { server, client in
      let call = try await client.start("toy/Left", timeout: .hours(9))
      let left = await call.outcome().payloads.first.map { String(decoding: $0, as: UTF8.self) }.flatMap(Int.init)
      #expect(left.map { (most * 3 / 4...most).contains($0) } == true, "\(String(describing: left))")
    }
  }

  @Test(
    "metadata above the limit end their call and no other", arguments: DoorKind.allCases, [17_000, 60_000, 300_000])
  func largeMetadata(_ kind: DoorKind, _ size: Int) async throws {
    // NIO's HTTP/2 client sends no headers that need a CONTINUATION; the Python client's tests do.
    guard kind.isFramed || size < 18_000 else { return }
    try await with(kind) { _, client in
      let neighbor = try await client.chat()
      let large = try await client.chat(metadata: ["x-large": String(repeating: "x", count: size)])
      #expect(await large.outcome().error?.code == .resourceExhausted)
      try await neighbor.say("x")
      #expect(try await neighbor.answer(0) == "x")
      neighbor.cancel()
    }
  }

  @Test("hundreds of calls that are cancelled or late end no other", arguments: DoorKind.allCases, [true, false])
  func manyResets(_ kind: DoorKind, _ areLate: Bool) async throws {
    try await with(kind, { $0.callsPerCaller = 4000 }) { server, client in
      let neighbor = try await client.chat(timeout: .minutes(10))
      for _ in 0..<15 {
        var calls: [any ToyCall] = []
        for _ in 0..<20 {
          calls.append(try await client.start("toy/Wait", timeout: areLate ? .milliseconds(10) : nil))
        }
        if areLate { try await Task.sleep(for: .milliseconds(10)) }
        for call in calls { call.cancel() }
      }
      try await neighbor.say("x")
      #expect(try await neighbor.answer(0) == "x")
      neighbor.cancel()
      try await until { server.dispatcher.callsInFlight == 0 }
    }
  }

  @Test("a drain waits for an answer that its reader takes slowly", arguments: [DoorKind.grpc, .grpcTls])
  func drainWaitsForBytes(_ kind: DoorKind) async throws {
    try await with(kind) { server, client in
      let sent = Data(repeating: 7, count: 12_000_000)
      let call = try await client.start("toy/Echo", [sent], isRead: false)
      try await until { server.toys.echoed.load(ordering: .relaxed) == 1 }
      async let drained: Void = server.door.drain(grace: Duration.seconds(20).asBuilt)
      try await Task.sleep(for: .milliseconds(300))
      await call.resumeReading()
      #expect(await call.outcome().payloads == [sent])
      await drained
    }
  }

  private func varint(_ value: UInt64) -> Data {
    value < 0x80 ? Data([UInt8(value)]) : Data([UInt8(truncatingIfNeeded: value) | 0x80]) + varint(value >> 7)
  }
}
