import DitherBasics

/// Bearer tokens by the hash of their secret, in a table.
package struct SqlTokens: Sendable {
  private let database: any SqlDatabase
  /// The one who makes and revokes them.
  private let author: String
  package init(_ database: any SqlDatabase, by author: String) {
    self.database = database
    self.author = author
  }

  package func create(_ name: String, roles: [String], secret: String) async throws(StoreError) {
    try ModelReference.check(name: name, "token name")
    let hash = Array(Sha256.hash(secret.utf8).bytes)
    try await database.write { [author] db in
      guard try db.row("SELECT name FROM tokens WHERE name = $1 AND revoked_ms IS NULL", [name]) == nil else {
        throw StoreError(
          .alreadyExists, at: "token", expected: "a name that no live token has", got: "'\(name)'",
          advice: "revoke it first, or take another name")
      }
      try db.run(
        "INSERT INTO tokens (name, hash, roles, created_ms) VALUES ($1, $2, $3, now_ms())",
        [name, hash, roles.joined(separator: ",")])
      try ChangeLog.note(.token, name, db)
      try SqlTrail.note(.tokenMade, name, by: author, ["roles": roles.joined(separator: ",")], db)
    }
  }

  package func list() async throws(StoreError) -> [Token] {
    try await database.read { try $0.rows("SELECT * FROM tokens ORDER BY id DESC").map(Self.token) }
  }

  package func revoke(_ name: String) async throws(StoreError) {
    try await database.write(.freeing) { [author] db in
      guard try db.run("UPDATE tokens SET revoked_ms = now_ms() WHERE name = $1 AND revoked_ms IS NULL", [name]) > 0
      else {
        let names = try db.rows("SELECT name FROM tokens WHERE revoked_ms IS NULL").map { try $0["name"] as String }
        throw StoreError(
          .notFound, at: "token", expected: "the name of a live token", got: "'\(name.clipped())'",
          advice: nearest(to: name, among: names).map { "did you mean '\($0)'?" })
      }
      try ChangeLog.note(.token, name, db)
      try SqlTrail.note(.tokenRevoked, name, by: author, [:], db)
    }
  }

  /// - Parameter number: of the change up to which the caller has them.
  /// - Returns: nil where nothing has changed since.
  package static func live(since number: Int64?, _ db: any SqlSession) throws -> LiveTokens? {
    let newest = try ChangeLog.newest(db)
    guard newest != number else { return nil }
    let rows = try db.rows("SELECT * FROM tokens WHERE revoked_ms IS NULL")
    let tokens = try rows.compactMap { row in
      let token = try token(row)
      return Sha256.Digest(stored: try row["hash"] as [UInt8]).map { ($0, token) }
    }
    return LiveTokens(byHash: Dictionary(tokens) { $1 }, number: newest)
  }

  private static func token(_ row: SqlRow) throws -> Token {
    let roles: String = try row["roles"]
    return Token(
      name: try row["name"], roles: roles.split(separator: ",").map(String.init),
      createdMilliseconds: try row["created_ms"], revokedMilliseconds: try row["revoked_ms"])
  }
}
