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

  package func create(_ name: String, _ grant: TokenGrant, secret: String) async throws(StoreError) {
    try ModelReference.check(name: name, "token name")
    try grant.check()
    let hash = Array(Sha256.hash(secret.utf8).bytes), lifetime = grant.lifetime?.milliseconds
    try await database.write { [author] db in
      try db.run(
        """
        UPDATE tokens SET revoked_ms = expires_ms WHERE name = $1 AND revoked_ms IS NULL AND expires_ms <= now_ms()
        """, [name])
      guard try db.row("SELECT name FROM tokens WHERE name = $1 AND revoked_ms IS NULL", [name]) == nil else {
        throw StoreError(
          .alreadyExists, at: "token", expected: "a name that no live token has", got: "'\(name)'",
          advice: "rotate or revoke it, or take another name")
      }
      let now = try Self.now(db)
      try db.run(
        """
        INSERT INTO tokens
          (name, hash, roles, created_ms, models, calls_per_second, samples_per_second, expires_ms)
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        [
          name, hash, grant.roles.joined(separator: ","), now, grant.models.joined(separator: ","),
          grant.callsPerSecond, grant.samplesPerSecond, lifetime.map { now + $0 },
        ])
      try ChangeLog.note(.token, name, db)
      try SqlTrail.note(
        .tokenMade, name, by: author,
        [
          "roles": grant.roles.joined(separator: ","),
          "models": grant.models.isEmpty ? nil : grant.models.joined(separator: ","),
        ], db)
    }
  }

  package func rotate(
    _ name: String, secret: String, overlap: Duration, lifetime: Duration?
  ) async throws(StoreError) -> Token {
    guard overlap >= .zero, overlap <= TokenGrant.longestOverlap else {
      throw StoreError(.badName, at: "overlap", expected: "0 to 30 days", got: "\(overlap)")
    }
    if let lifetime { try TokenGrant.check(lifetime: lifetime) }
    let hash = Array(Sha256.hash(secret.utf8).bytes)
    return try await database.write { [author] db in
      guard let row = try db.row("SELECT * FROM tokens WHERE name = $1 AND revoked_ms IS NULL", [name]) else {
        throw try Self.missing(name, db)
      }
      let id: Int64 = try row["id"], before = try Self.token(row), now = try Self.now(db)
      let span = lifetime?.milliseconds ?? before.expiresMilliseconds.map { $0 - before.issuedMilliseconds }
      let until = min(now + overlap.milliseconds, before.expiresMilliseconds ?? .max)
      try db.run(
        """
        UPDATE tokens SET previous_hash = hash, previous_until_ms = $1, hash = $2, issued_ms = $3, expires_ms = $4
          WHERE id = $5
        """, [until, hash, now, span.map { now + $0 }, id])
      try ChangeLog.note(.token, name, db)
      try SqlTrail.note(.tokenRotated, name, by: author, [:], db)
      guard let after = try db.row("SELECT * FROM tokens WHERE id = $1", [id]) else { throw try Self.missing(name, db) }
      return try Self.token(after)
    }
  }

  package func list() async throws(StoreError) -> [Token] {
    try await database.read { try $0.rows("SELECT * FROM tokens ORDER BY id DESC").map(Self.token) }
  }

  package func revoke(_ name: String) async throws(StoreError) {
    try await database.write(.freeing) { [author] db in
      guard try db.run("UPDATE tokens SET revoked_ms = now_ms() WHERE name = $1 AND revoked_ms IS NULL", [name]) > 0
      else { throw try Self.missing(name, db) }
      try ChangeLog.note(.token, name, db)
      try SqlTrail.note(.tokenRevoked, name, by: author, [:], db)
    }
  }

  /// - Parameter number: of the change up to which the caller has them.
  /// - Returns: nil where nothing has changed since.
  package static func live(since number: Int64?, _ db: any SqlSession) throws -> LiveTokens? {
    let newest = try ChangeLog.newest(db)
    guard newest != number else { return nil }
    var live = LiveTokens(byHash: [:], number: newest)
    for row in try db.rows("SELECT * FROM tokens WHERE revoked_ms IS NULL") {
      let token = try token(row)
      if let hash = Sha256.Digest(stored: try row["hash"] as [UInt8]) { live.byHash[hash] = token }
      if let bytes = try row["previous_hash"] as [UInt8]?, let hash = Sha256.Digest(stored: bytes) {
        live.byPreviousHash[hash] = token
      }
    }
    return live
  }

  private static func missing(_ name: String, _ db: any SqlSession) throws -> StoreError {
    let names = try db.rows("SELECT name FROM tokens WHERE revoked_ms IS NULL").map { try $0["name"] as String }
    return StoreError(
      .notFound, at: "token", expected: "the name of a live token", got: "'\(name.clipped())'",
      advice: nearest(to: name, among: names).map { "did you mean '\($0)'?" })
  }

  private static func now(_ db: any SqlSession) throws -> Int64 {
    try db.row("SELECT now_ms() AS now")?["now"] ?? millisecondsNow()
  }

  private static func words(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }

  private static func token(_ row: SqlRow) throws -> Token {
    var token = Token(
      name: try row["name"], roles: words(try row["roles"]), createdMilliseconds: try row["created_ms"],
      revokedMilliseconds: try row["revoked_ms"])
    token.models = words(try row["models"])
    token.callsPerSecond = try row["calls_per_second"]
    token.samplesPerSecond = try row["samples_per_second"]
    token.issuedMilliseconds = try row["issued_ms"] ?? token.createdMilliseconds
    token.expiresMilliseconds = try row["expires_ms"]
    token.previousUntilMilliseconds = try row["previous_until_ms"]
    return token
  }
}
