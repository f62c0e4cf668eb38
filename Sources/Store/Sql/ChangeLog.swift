/// The log of changes, each numbered in the transaction that makes it. Who writes there is the only one who does
/// (`SqlWrite.records`), so that numbers come in the order in which changes are seen.
package enum ChangeLog {
  /// Older ones are forgotten.
  private static let length: Int64 = 10_000

  static func note(_ kind: StoreChange.Kind, _ name: String, _ db: any SqlSession) throws {
    let row = try db.row(
      """
      INSERT INTO changes (number, kind, name) SELECT COALESCE(MAX(number), 0) + 1, $1, $2 FROM changes RETURNING number
      """, [kind.rawValue, name])
    if let number = try row?["number"] as Int64? {
      try db.run("DELETE FROM changes WHERE number <= $1", [number - length])
    }
    if let announcement = db.dialect.announcement { _ = try db.rows(announcement) }
  }

  /// The number of the last one; 0: there is none.
  package static func newest(_ db: any SqlSession) throws -> Int64 {
    try db.row("SELECT COALESCE(MAX(number), 0) AS number FROM changes")?["number"] ?? 0
  }

  package static func changes(since number: Int64, _ db: any SqlSession) throws -> StoreChanges {
    let rows = try db.rows("SELECT number, kind, name FROM changes WHERE number > $1 ORDER BY number", [number])
    let oldest: Int64 = try db.row("SELECT COALESCE(MIN(number), 1) AS number FROM changes")?["number"] ?? 1
    let newest: Int64 = try rows.last?["number"] ?? number
    guard number >= oldest - 1 else { return StoreChanges(newest: newest, changes: nil) }
    return StoreChanges(
      newest: newest,
      changes: try rows.compactMap { row in
        let name: String = try row["name"]
        return StoreChange.Kind(rawValue: try row["kind"]).map { StoreChange(kind: $0, name: name) }
      })
  }
}
