/// Small things that all servers of a store have in common, as keys, in a table.
package struct SqlCommon: Sendable {
  private let database: any SqlDatabase
  package init(_ database: any SqlDatabase) { self.database = database }

  /// - Parameter proposal: kept where there is nothing of that name yet.
  /// - Returns: what all have.
  package func content(_ name: String, _ proposal: [UInt8]) async throws(StoreError) -> [UInt8] {
    try await database.write(.journal) { db in
      try db.run("INSERT INTO common (name, content) VALUES ($1, $2) ON CONFLICT DO NOTHING", [name, proposal])
      return try db.row("SELECT content FROM common WHERE name = $1", [name])?["content"] ?? proposal
    }
  }
}
