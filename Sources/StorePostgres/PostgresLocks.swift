import DitherBasics
import DitherStore
import Dispatch

/// Locks that all servers of a database respect (`pg_advisory_lock`). Each is held by a connection, and ends with it
/// however that ends. A process holds one at a time, on a thread of its own that waits until it is no longer needed.
struct PostgresLocks: Sendable {
  private let threads: PostgresThreads

  init(_ address: PostgresAddress, patience: Duration) {
    threads = PostgresThreads(address, patience: patience, most: 1)
  }

  /// - Throws: `.away` where others hold the key for longer than a lock may be waited for.
  func holding<Value: Sendable>(
    _ key: Int64, _ body: @Sendable () async throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    let end = DispatchSemaphore(value: 0)
    let taken: Result<Void, StoreError> = await withCheckedContinuation { continuation in
      threads.begin { line in
        do throws(StoreError) { try Self.ask("pg_advisory_lock", key, line) } catch {
          return continuation.resume(returning: .failure(error))
        }
        continuation.resume(returning: .success(()))
        end.wait()
        // With the connection it goes in any case.
        do throws(StoreError) { try Self.ask("pg_advisory_unlock", key, line) } catch { line.close() }
      }
    }
    try taken.get()
    defer { end.signal() }
    return try await body()
  }

  private static func ask(_ function: String, _ key: Int64, _ line: PostgresLine) throws(StoreError) {
    _ = try line.transact(.loose) { try $0.rows("SELECT \(function)($1)", [key]) }
  }
}
