import DitherClient
import DitherProto
import DitherTensor
import DitherTransport
import Foundation
import SwiftProtobuf
import Synchronization
import Testing

@Suite("The Swift client: calls of all kinds at once, in any order, left anywhere", .serialized)
struct ClientSequenceTests {
  /// One call, and what must come of it.
  private enum Step: Sendable {
    case echo(Data)
    /// Messages of a stream, their bytes, and how many are taken.
    case count(Int, bytes: Int, taken: Int)
    case sum([Int])
    /// Words said, and whether the talk is then left, or brought to its end.
    case chat([String], leaves: Bool)
    case fail(StatusCode)
    case late
    case cancelled

    init(_ random: inout PhiloxGenerator) {
      func number(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &random) }
      switch number(0...9) {
      case 0...2: self = .echo(Data((0..<number(0...40_000)).map { UInt8(truncatingIfNeeded: $0 &* 7) }))
      case 3, 4:
        let messages = number(0...30)
        self = .count(messages, bytes: number(0...60_000), taken: number(0...messages))
      case 5: self = .sum((0..<number(0...6)).map { _ in number(0...30_000) })
      case 6: self = .chat((0..<number(0...5)).map { "word \($0) \(number(0...9))" }, leaves: number(0...1) == 0)
      case 7: self = .fail([.notFound, .dataLoss, .resourceExhausted][number(0...2)])
      case 8: self = .late
      default: self = .cancelled
      }
    }

    func run(_ client: DitherClient) async throws {
      switch self {
      case .echo(let data):
        let answer = try await client.unary(CallMethod<Unary, Bytes, Bytes>("toy/Echo"), Bytes(data))
        #expect(answer.value == Data(data.reversed()))
      case .count(let messages, let bytes, let taken):
        let method = CallMethod<ServerStreaming, Bytes, Bytes>("toy/Count")
        var got = 0
        for try await message in client.stream(method, Bytes(Data("\(messages),\(bytes)".utf8))) {
          #expect(message.value == Data(repeating: UInt8(truncatingIfNeeded: got), count: bytes))
          got += 1
          if got == taken { break }
        }
        #expect(got == (taken == 0 ? messages : taken))
      case .sum(let parts):
        let method = CallMethod<ClientStreaming, Bytes, Google_Protobuf_UInt64Value>("toy/Sum")
        let sum = try await client.clientStream(method) { send in
          for part in parts { try await send(Bytes(Data(count: part))) }
        }
        #expect(sum.value == UInt64(parts.reduce(0, +)))
      case .chat(let words, let leaves):
        try await client.bidirectional(CallMethod<Bidirectional, Bytes, Bytes>("toy/Chat")) { call in
          for word in words {
            try await call.send(Bytes(Data(word.utf8)))
            #expect(try await call.next()?.value == Data(word.utf8.reversed()))
          }
          guard !leaves else { return }
          call.halfClose()
          #expect(try await call.next()?.value == Data("end".utf8))
          #expect(try await call.next() == nil)
        }
      case .fail(let code):
        let error = await #expect(throws: CallError.self) {
          _ = try await client.unary(
            CallMethod<Unary, Bytes, Bytes>("toy/Fail"), Bytes(Data([UInt8(code.rawValue)])))
        }
        #expect(error?.code == code)
      case .late:
        let error = await #expect(throws: CallError.self) {
          _ = try await client.unary(
            CallMethod<Unary, Bytes, Bytes>("toy/Wait"), Bytes(Data()), timeout: .milliseconds(20))
        }
        #expect(error?.code == .deadlineExceeded)
      case .cancelled:
        let call = Task { try await client.unary(CallMethod<Unary, Bytes, Bytes>("toy/Wait"), Bytes(Data())) }
        try await Task.sleep(for: .milliseconds(5))
        call.cancel()
        let error = await #expect(throws: (any Error).self) { _ = try await call.value }
        #expect(error is CancellationError || (error as? CallError)?.code == .cancelled)
      }
    }
  }

  @Test("each answer is its own, and nothing of them stays", arguments: UInt64(1)...4)
  func sequences(_ seed: UInt64) async throws {
    let server = try await ToyServer(.framed)
    let client = DitherClient(ClientOptions(host: "127.0.0.1", port: server.door.port, usesTls: false, token: "app"))
    try await withThrowingTaskGroup { group in
      for worker in 0..<6 {
        group.addTask {
          var random = PhiloxGenerator(seed: seed, stream: UInt64(0xC0 + worker))
          for _ in 0..<25 { try await Step(&random).run(client) }
        }
      }
      try await group.waitForAll()
    }
    try await until { server.dispatcher.callsInFlight == 0 && server.dispatcher.runningHandlers == 0 }
    #expect(server.door.connectionCount == 1 && server.dispatcher.halfRead.used == 0)
    try await Step.echo(Data([1, 2, 3])).run(client)
    await client.close()
    await server.close()
  }
}
