import GRDB

/// The log of changes, each numbered in the transaction that makes it.
enum ChangeLog {
  /// Older ones are forgotten.
  static let length: Int64 = 10_000

  static func note(_ kind: StoreChange.Kind, _ name: String, _ db: Database) throws {
    try db.execute(sql: "INSERT INTO changes (kind, name) VALUES (?, ?)", arguments: [kind.rawValue, name])
    try db.execute(sql: "DELETE FROM changes WHERE number <= ?", arguments: [db.lastInsertedRowID - length])
  }

  static func changes(since number: Int64, _ db: Database) throws -> StoreChanges {
    let rows = try Row.fetchAll(
      db, sql: "SELECT number, kind, name FROM changes WHERE number > ? ORDER BY number", arguments: [number])
    let oldest = try Int64.fetchOne(db, sql: "SELECT MIN(number) FROM changes") ?? 1
    guard number >= oldest - 1 else {
      return StoreChanges(newest: rows.last?["number"] ?? number, changes: nil)
    }
    return StoreChanges(
      newest: rows.last?["number"] ?? number,
      changes: rows.compactMap { row in
        StoreChange.Kind(rawValue: row["kind"]).map { StoreChange(kind: $0, name: row["name"]) }
      })
  }
}
