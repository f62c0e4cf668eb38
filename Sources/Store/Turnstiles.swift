import Synchronization

/// Lets tasks that have to do with one thing through one at a time, in the order in which they came; those of other
/// things do not wait for them.
package final class Turnstiles<Key: Hashable & Sendable>: Sendable {
  /// By things that are being dealt with: who waits for each.
  private let waiting = Mutex<[Key: [CheckedContinuation<Void, Never>]]>([:])

  package init() {}

  package func pass<Value, Failure: Error>(
    _ key: Key, _ body: () async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    await withCheckedContinuation { continuation in
      let isFree = waiting.withLock { waiting in
        guard waiting[key] != nil else {
          waiting[key] = []
          return true
        }
        waiting[key]?.append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
    defer {
      let next = waiting.withLock { waiting in
        if waiting[key]?.isEmpty != false {
          waiting[key] = nil
          return nil as CheckedContinuation<Void, Never>?
        }
        return waiting[key]?.removeFirst()
      }
      next?.resume()
    }
    return try await body()
  }
}
