import DitherBasics

/// An engine that keeps the records: one SQL text, with `$1`, `$2`, … for arguments, is run by each of them.
package protocol SqlDatabase: Sendable {
  /// Where the engines differ.
  var dialect: SqlDialect { get }
  /// Reads of one moment.
  func read<Value: Sendable>(
    _ body: @escaping @Sendable (any SqlSession) throws -> Value
  ) async throws(StoreError) -> Value
  /// One transaction. An engine may run `body` again where others were in its way: it changes nothing but the records.
  @discardableResult
  func write<Value: Sendable>(
    _ write: SqlWrite, _ body: @escaping @Sendable (any SqlSession) throws -> Value
  ) async throws(StoreError) -> Value
  /// Runs `body`, in which the records are used as ever, while whoever else may be using them does nothing that
  /// respects the same key. An engine with one user has nobody to keep out.
  func alone<Value: Sendable>(
    _ key: Int64, _ body: @Sendable () async throws(StoreError) -> Value
  ) async throws(StoreError) -> Value
}

extension SqlDatabase {
  package func alone<Value: Sendable>(
    _ key: Int64, _ body: @Sendable () async throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    try await body()
  }

  /// One transaction that changes records which others follow.
  @discardableResult
  package func write<Value: Sendable>(
    _ body: @escaping @Sendable (any SqlSession) throws -> Value
  ) async throws(StoreError) -> Value {
    try await write(.records, body)
  }
}

/// How a transaction writes.
package enum SqlWrite: Sendable {
  /// As if it were the only one.
  case records
  /// The same, where it leads to more room on the disk, or must not fail: it may use what was kept for that.
  case freeing
  /// Each statement by itself, beside others: leases and results of shards.
  case journal
}

/// The inside of a transaction: for the thread that runs its body.
package protocol SqlSession {
  /// The engine's.
  var dialect: SqlDialect { get }
  /// Runs one statement that answers with rows.
  func rows(_ sql: String, _ arguments: [any SqlArgument]) throws -> [SqlRow]
  /// Runs one statement.
  /// - Returns: how many rows it changed.
  @discardableResult
  func run(_ sql: String, _ arguments: [any SqlArgument]) throws -> Int
}

extension SqlSession {
  /// The first row of an answer; nil: it has none.
  package func row(_ sql: String, _ arguments: [any SqlArgument] = []) throws -> SqlRow? {
    try rows(sql, arguments).first
  }
  package func rows(_ sql: String) throws -> [SqlRow] { try rows(sql, []) }
}

extension Duration {
  /// As times are kept in tables.
  var milliseconds: Int64 { Int64(self / .milliseconds(1)) }
}

/// A value in a table.
package enum SqlValue: Sendable, Equatable {
  case null
  case integer(Int64)
  case text(String)
  case bytes([UInt8])
}

/// A type that can be an argument of a statement.
package protocol SqlArgument: Sendable { var sqlValue: SqlValue { get } }

extension Int64: SqlArgument { package var sqlValue: SqlValue { .integer(self) } }
extension Int: SqlArgument { package var sqlValue: SqlValue { .integer(Int64(self)) } }
extension String: SqlArgument { package var sqlValue: SqlValue { .text(self) } }
extension [UInt8]: SqlArgument { package var sqlValue: SqlValue { .bytes(self) } }
extension Optional: SqlArgument where Wrapped: SqlArgument {
  package var sqlValue: SqlValue { self?.sqlValue ?? .null }
}

/// A type that a column can be read as.
package protocol SqlReadable {
  /// - Returns: nil where it is no such value.
  static func read(_ value: SqlValue) -> Self?
}

extension Int64: SqlReadable {
  package static func read(_ value: SqlValue) -> Int64? { if case .integer(let number) = value { number } else { nil } }
}
extension Int: SqlReadable {
  package static func read(_ value: SqlValue) -> Int? { Int64.read(value).map { Int($0) } }
}
extension Bool: SqlReadable {
  package static func read(_ value: SqlValue) -> Bool? { Int64.read(value).map { $0 != 0 } }
}
extension String: SqlReadable {
  package static func read(_ value: SqlValue) -> String? { if case .text(let text) = value { text } else { nil } }
}
extension [UInt8]: SqlReadable {
  package static func read(_ value: SqlValue) -> [UInt8]? { if case .bytes(let bytes) = value { bytes } else { nil } }
}
extension Optional: SqlReadable where Wrapped: SqlReadable {
  package static func read(_ value: SqlValue) -> Wrapped?? {
    if case .null = value { return .some(nil) }
    return Wrapped.read(value).map { .some($0) }
  }
}

/// A row of an answer.
package struct SqlRow: Sendable {
  private let names: [String]
  private let values: [SqlValue]

  /// - Parameter names: of its columns, as many as `values`.
  package init(names: [String], values: [SqlValue]) {
    self.names = names
    self.values = values
  }

  /// - Throws: `.corrupt` where there is no such column, or something else in it.
  package subscript<Value: SqlReadable>(_ name: String) -> Value {
    get throws {
      guard let place = names.firstIndex(of: name), place < values.count, let value = Value.read(values[place]) else {
        throw StoreError(
          .corrupt, at: "the column '\(name)' of the database", expected: "a value of type \(Value.self)",
          got: "something else", advice: "something other than this program has written there: restore a copy")
      }
      return value
    }
  }
}
