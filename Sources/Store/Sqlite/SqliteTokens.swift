import DitherBasics
import Foundation
import GRDB

/// Bearer tokens by the hash of their secret, in a table.
struct SqliteTokens: TokenRecords {
  private let database: StoreDatabase
  init(_ database: StoreDatabase) { self.database = database }

  func create(_ name: String, roles: [String], secret: String) async throws(StoreError) {
    try ModelReference.check(name: name, "token name")
    let hash = Data(Sha256.hash(secret.utf8).bytes)
    try await database.write { db in
      let taken = try Bool.fetchOne(
        db, sql: "SELECT EXISTS (SELECT 1 FROM tokens WHERE name = ? AND revoked_ms IS NULL)", arguments: [name])
      if taken == true {
        throw StoreError(
          .alreadyExists, at: "token", expected: "a name that no live token has", got: "'\(name)'",
          advice: "revoke it first, or take another name")
      }
      try db.execute(
        sql: "INSERT INTO tokens (name, hash, roles, created_ms) VALUES (?, ?, ?, ?)",
        arguments: [name, hash, roles.joined(separator: ","), millisecondsNow()])
      try ChangeLog.note(.token, name, db)
    }
  }

  func list() async throws(StoreError) -> [Token] {
    try await database.read { try Row.fetchAll($0, sql: "SELECT * FROM tokens ORDER BY id DESC").map(Self.token) }
  }

  func revoke(_ name: String) async throws(StoreError) {
    try await database.write(frees: true) { db in
      try db.execute(
        sql: "UPDATE tokens SET revoked_ms = ? WHERE name = ? AND revoked_ms IS NULL",
        arguments: [millisecondsNow(), name])
      if db.changesCount == 0 {
        let names = try String.fetchAll(db, sql: "SELECT name FROM tokens WHERE revoked_ms IS NULL")
        throw StoreError(
          .notFound, at: "token", expected: "the name of a live token", got: "'\(name.clipped())'",
          advice: nearest(to: name, among: names).map { "did you mean '\($0)'?" })
      }
      try ChangeLog.note(.token, name, db)
    }
  }

  func live(since number: Int64?) throws(StoreError) -> LiveTokens? {
    try database.read { db in
      let newest = try Int64.fetchOne(db, sql: "SELECT MAX(number) FROM changes") ?? 0
      guard newest != number else { return nil }
      let rows = try Row.fetchAll(db, sql: "SELECT * FROM tokens WHERE revoked_ms IS NULL")
      let tokens = rows.compactMap { row in
        Sha256.Digest(stored: row["hash"] as Data).map { ($0, Self.token(row)) }
      }
      return LiveTokens(byHash: Dictionary(tokens) { $1 }, number: newest)
    }
  }

  private static func token(_ row: Row) -> Token {
    Token(
      name: row["name"], roles: (row["roles"] as String).split(separator: ",").map(String.init),
      createdMilliseconds: row["created_ms"], revokedMilliseconds: row["revoked_ms"])
  }
}
