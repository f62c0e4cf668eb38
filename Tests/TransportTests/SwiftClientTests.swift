import DitherClient
import DitherProto
import DitherTransport
import Foundation
import Logging
import SwiftProtobuf
import Synchronization
import Testing

@Suite("The Swift client", .serialized)
struct SwiftClientTests {
  private static let chat = CallMethod<Bidirectional, Bytes, Bytes>("toy/Chat")
  private static let count = CallMethod<ServerStreaming, Bytes, Bytes>("toy/Count")

  private func with(_ body: (ToyServer, DitherClient) async throws -> Void) async throws {
    let server = try await ToyServer(.framed)
    let client = DitherClient(ClientOptions(host: "127.0.0.1", port: server.door.port, usesTls: false, token: "app"))
    do { try await body(server, client) } catch {
      await server.close()
      throw error
    }
    await client.close()
    await server.close()
  }

  @Test("speaks and listens in turn on one call")
  func bidirectional() async throws {
    try await with { _, client in
      let heard = try await client.bidirectional(Self.chat) { call in
        var heard: [String] = []
        for word in ["abc", "def"] {
          try await call.send(Bytes(Data(word.utf8)))
          heard.append(String(decoding: try #require(try await call.next()).value, as: UTF8.self))
        }
        call.halfClose()
        for try await answer in call { heard.append(String(decoding: answer.value, as: UTF8.self)) }
        return heard
      }
      #expect(heard == ["cba", "fed", "end"])
    }
  }

  @Test("a body that leaves early, or fails, ends the call on the server")
  func leaving() async throws {
    try await with { server, client in
      struct Enough: Error {}
      try await client.bidirectional(Self.chat) { try await $0.send(Bytes(Data("x".utf8))) }
      await #expect(throws: Enough.self) {
        try await client.bidirectional(Self.chat) { _ in throw Enough() }
      }
      try await until { server.dispatcher.callsInFlight == 0 }
    }
  }

  @Test("a call that has no time of its own has the client's")
  func patience() async throws {
    try await with { server, _ in
      var options = ClientOptions(host: "127.0.0.1", port: server.door.port, usesTls: false, token: "app")
      options.callTimeout = .milliseconds(100)
      let client = DitherClient(options), wait = CallMethod<Unary, Bytes, Bytes>("toy/Wait")
      let error = await #expect(throws: CallError.self) { try await client.unary(wait, Bytes(Data())) }
      #expect(error?.code == .deadlineExceeded)
      server.toys.released.store(true, ordering: .relaxed)
      let answer = try await client.unary(wait, Bytes(Data()), timeout: .seconds(10))
      #expect(answer.value == Data("released".utf8))
      await client.close()
    }
  }

  @Test("a deadline and an unknown caller are told as such")
  func errors() async throws {
    try await with { server, client in
      await #expect(throws: CallError.self) {
        try await client.bidirectional(Self.chat, timeout: .milliseconds(50)) { call in
          while try await call.next() != nil {}
        }
      }
      let stranger = DitherClient(
        ClientOptions(host: "127.0.0.1", port: server.door.port, usesTls: false, token: "nobody"))
      let error = await #expect(throws: CallError.self) {
        try await stranger.bidirectional(Self.chat) { call in while try await call.next() != nil {} }
      }
      #expect(error?.code == .unauthenticated)
      await stranger.close()
    }
  }

  @Test("a file that comes otherwise than it was announced is refused, whatever the pieces")
  func download() async throws {
    func model(_ bytes: UInt64) -> Dither_V1_DownloadResponse { .with { $0.model.bytes = bytes } }
    func piece(_ offset: UInt64, _ count: Int) -> Dither_V1_DownloadResponse {
      .with { ($0.chunk.offset, $0.chunk.data) = (offset, Data(count: count)) }
    }
    let rows: [(name: String, parts: [Dither_V1_DownloadResponse], isTaken: Bool)] = [
      ("whole", [model(4), piece(0, 3), piece(3, 1)], true), ("empty", [model(0)], true), ("nothing", [], false),
      ("no model", [piece(0, 4)], false), ("too few", [model(4), piece(0, 3)], false),
      ("too many", [model(4), piece(0, 5)], false), ("a gap", [model(4), piece(1, 3)], false),
      ("twice announced", [model(4), piece(0, 4), model(2), piece(4, 0)], false),
    ]
    for row in rows {
      var table = CallTable(mapError: { CallError(.internalError, "\($0)") })
      table.serve(Dither_V1_Registry.download, CallPolicy(role: nil)) {
        (_: Dither_V1_DownloadRequest, _, send: ResponseWriter<Dither_V1_DownloadResponse>) in
        for part in row.parts { try await send(part) }
      }
      let dispatcher = CallDispatcher(
        table: table, authenticator: Keys(), logger: Logger(label: "toys") { _ in SwiftLogNoOpLogHandler() })
      let door = try await FramedDoor.open(dispatcher, host: "127.0.0.1", port: 0, tls: nil)
      let client = DitherClient(ClientOptions(host: "127.0.0.1", port: door.port, usesTls: false, token: "app"))
      var file: [UInt8]?, code: StatusCode?
      do { file = try await client.download("net").file } catch { code = (error as? CallError)?.code }
      #expect((file != nil) == row.isTaken && code == (row.isTaken ? nil : .dataLoss), "\(row.name)")
      await client.close()
      await door.drain(grace: .zero)
    }
  }

  @Test("a stream that is not taken is not sent, and one that is dropped is cancelled")
  func pace() async throws {
    try await with { server, client in
      do {
        // 200 MB, were they all sent.
        let stream = client.stream(Self.count, Bytes(Data("2000,100000".utf8)))
        var taken = 0
        for try await message in stream {
          #expect(message.value.count == 100_000)
          taken += 1
          if taken == 5 { break }
        }
        try await Task.sleep(for: .milliseconds(200))
        #expect(server.toys.sent.load(ordering: .relaxed) < 200)
      }
      try await until { server.dispatcher.callsInFlight == 0 }
    }
  }
}
