import DitherBasics
import Dispatch
import Synchronization

/// Threads that may wait for a disk: those of tasks are few.
private let threads = DispatchQueue(label: "dither.store", qos: .userInitiated, attributes: .concurrent)

/// A result on its way to another thread. It goes through a lock, and not through the continuation, whose handing over
/// the thread sanitizer does not see.
private final class Handed<Value: Sendable>: Sendable {
  private let result = Mutex<Result<Value, StoreError>?>(nil)

  func put(_ value: Result<Value, StoreError>) { result.withLock { $0 = value } }
  /// - Returns: nil where nothing was put.
  func take() -> Result<Value, StoreError>? { result.withLock { $0 } }
}

/// Runs `body` where waiting is allowed. It is not cut off by the task's cancellation: what was begun is ended.
func offload<Value: Sendable>(
  _ body: @escaping @Sendable () throws(StoreError) -> Value
) async throws(StoreError) -> Value {
  let handed = Handed<Value>()
  await withCheckedContinuation { continuation in
    threads.async {
      do throws(StoreError) { handed.put(.success(try body())) } catch { handed.put(.failure(error)) }
      continuation.resume()
    }
  }
  guard let result = handed.take() else { preconditionFailure("a continuation is resumed behind its result") }
  return try result.get()
}
