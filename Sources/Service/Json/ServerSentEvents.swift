import DitherProto
import DitherTransport
import Foundation
import SwiftProtobuf

/// A stream of messages as server-sent events: each is one event's data, behind the last one comes the event `end`, and
/// an error behind the first one is the event `error`. Source: html.spec.whatwg.org, 9.2.
enum ServerSentEvents {
  /// Waits for the first message, so that a call that is refused is told so by its status.
  /// - Parameter answer: runs until the client has gone, at the pace at which events are taken.
  static func response<Answer: Message>(
    until cancellation: Cancellation, _ answer: @escaping @Sendable (ResponseWriter<Answer>) async throws -> Void
  ) async throws -> HttpResponse {
    let relay = Relay<Answer>()
    let work = Task {
      do {
        try await answer(ResponseWriter { try await relay.put($0) })
        await relay.end(.success(()))
      } catch { await relay.end(.failure(error)) }
    }
    cancellation.onCancel { reason in
      work.cancel()
      Task { await relay.end(.failure(reason)) }
    }
    let first = try await relay.next()
    return HttpResponse(
      200, "text/event-stream; charset=utf-8",
      .stream { write in
        var message = first
        do {
          while let found = message {
            try await write(event(data: JsonCalls.text(found)))
            do { message = try await relay.next() } catch {
              return try await write(event("error", data: String(decoding: CallError(of: error).json, as: UTF8.self)))
            }
          }
          try await write(event("end", data: "{}"))
        } catch {
          // Nobody reads any more.
          work.cancel()
          await relay.end(.failure(error))
          throw error
        }
      })
  }

  private static func event(_ name: String? = nil, data: String) -> Data {
    Data(((name.map { "event: \($0)\n" } ?? "") + "data: \(data)\n\n").utf8)
  }
}

/// Hands messages from one task to another, each when it is asked for.
private actor Relay<Element: Sendable> {
  private var offered: (element: Element, taken: CheckedContinuation<Void, any Error>)?
  private var taker: CheckedContinuation<Element?, any Error>?
  private var outcome: Result<Void, any Error>?

  /// Returns when it has been taken.
  /// - Throws: when nobody will take it.
  func put(_ element: Element) async throws {
    guard outcome == nil else { throw CancellationError() }
    if let taker {
      self.taker = nil
      return taker.resume(returning: element)
    }
    try await withCheckedThrowingContinuation { offered = (element, $0) }
  }

  /// - Returns: nil behind the last one.
  func next() async throws -> Element? {
    if let offered {
      self.offered = nil
      offered.taken.resume()
      return offered.element
    }
    if let outcome {
      try outcome.get()
      return nil
    }
    return try await withCheckedThrowingContinuation { taker = $0 }
  }

  /// Once; what comes later is dropped.
  func end(_ result: Result<Void, any Error>) {
    guard outcome == nil else { return }
    outcome = result
    offered?.taken.resume(throwing: CancellationError())
    taker?.resume(with: result.map { nil })
    (offered, taker) = (nil, nil)
  }
}
