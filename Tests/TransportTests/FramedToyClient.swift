import DitherProto
import DitherTransport
import Foundation
import NIOCore
import NIOPosix

/// Through the framed client that the Swift client uses.
struct FramedToyClient: ToyClient {
  private let client: FramedClient

  init(_ server: ToyServer) async throws {
    client = try await FramedClient.connect(
      to: .init(
        host: "127.0.0.1", port: server.door.port, usesTls: server.kind.usesTls, authority: server.authority,
        connectTimeout: .seconds(10)), on: MultiThreadedEventLoopGroup.singleton)
  }

  private struct Call: ToyCall {
    let handle: FramedClient.CallHandle
    let collector: Collector
    func cancel() { handle.cancel() }
    func outcome() async -> Outcome { await collector.outcome() }
  }

  func begin(
    _ method: String, _ messages: [Data], token: String?, timeout: TimeAmount?, isRead: Bool
  ) async throws -> any ToyCall {
    let collector = Collector(), isShort = messages.count == 1
    let handle = try await client.open(
      method, metadata: token.map { ["authorization": "Bearer \($0)"] } ?? [:], timeout: timeout,
      first: messages.first, end: isShort
    ) { event in
      switch event {
      case .message(let data): collector.add(data)
      case .end(let last, let error):
        if let last { collector.add(last) }
        collector.end(error)
      }
    }
    if isRead {
      // Every byte is given back as soon as it could have come: an eager reader.
      Task { for _ in 0..<1000 { try? await Task.sleep(for: .milliseconds(2)); handle.consumed(1 << 18) } }
    }
    if !isShort {
      for message in messages.dropFirst() { try? await handle.send(message) }
      handle.halfClose()
    }
    return Call(handle: handle, collector: collector)
  }

  func vanish() async { await client.close() }
}
