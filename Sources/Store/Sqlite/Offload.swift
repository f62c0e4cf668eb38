import DitherBasics
import Dispatch

/// Threads that may wait for a disk: those of tasks are few.
private let threads = DispatchQueue(label: "dither.store", qos: .userInitiated, attributes: .concurrent)

/// Runs `body` where waiting is allowed. It is not cut off by the task's cancellation: what was begun is ended.
package func offload<Value: Sendable>(
  _ body: @escaping @Sendable () throws(StoreError) -> Value
) async throws(StoreError) -> Value {
  let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
    threads.async {
      do throws(StoreError) { continuation.resume(returning: .success(try body())) } catch {
        continuation.resume(returning: .failure(error))
      }
    }
  }
  return try result.get()
}
