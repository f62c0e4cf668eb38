import DitherBasics
import DitherStore

/// Records in PostgreSQL.
struct PostgresDatabase: SqlDatabase {
  let dialect = SqlDialect.postgres
  private let threads: PostgresThreads
  private let locks: PostgresLocks

  init(_ threads: PostgresThreads, _ locks: PostgresLocks) {
    self.threads = threads
    self.locks = locks
  }

  func alone<Value: Sendable>(
    _ key: Int64, _ body: @Sendable () async throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    try await locks.holding(key, body)
  }

  func read<Value: Sendable>(
    _ body: @escaping @Sendable (any SqlSession) throws -> Value
  ) async throws(StoreError) -> Value {
    try await transact(.reading, body)
  }

  @discardableResult
  func write<Value: Sendable>(
    _ write: SqlWrite, _ body: @escaping @Sendable (any SqlSession) throws -> Value
  ) async throws(StoreError) -> Value {
    try await transact(write == .journal ? .loose : .writing, body)
  }

  private func transact<Value: Sendable>(
    _ mode: PostgresLine.Mode, _ body: @escaping @Sendable (any SqlSession) throws -> Value
  ) async throws(StoreError) -> Value {
    let result: Result<Value, StoreError> = await threads.run { line in
      do throws(StoreError) { return .success(try line.transact(mode, body)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}
