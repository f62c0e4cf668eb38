import DitherProto
import DitherTransport
import Foundation
import NIOCore
import NIOPosix
import Synchronization

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
    func send(_ message: Data) async throws { try await handle.send(message) }
    func halfClose() { handle.halfClose() }
    // The framed client reads whatever its calls do: what a slow reader does is seen on its socket.
    func resumeReading() async {}
  }

  func open(
    _ method: String, metadata: [String: String], timeout: TimeAmount?, isRead: Bool
  ) async throws -> any ToyCall {
    let collector = Collector(), consumed = Mutex<FramedClient.CallHandle?>(nil)
    let handle = try await client.open(method, metadata: metadata, timeout: timeout, first: nil, end: false) { event in
      switch event {
      case .message(let data):
        collector.add(data)
        if isRead { consumed.withLock { $0 }?.consumed(data.count) }
      case .end(let last, let error):
        if let last { collector.add(last) }
        collector.end(error)
      }
    }
    consumed.withLock { $0 = handle }
    return Call(handle: handle, collector: collector)
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
