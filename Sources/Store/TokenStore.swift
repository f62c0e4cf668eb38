import DitherBasics
import Foundation
import GRDB

/// A bearer token as it is remembered: never its secret.
public struct Token: Sendable, Equatable, Codable {
  public var name: String
  /// In the order in which they were given.
  public var roles: [String]
  /// Since 1970.
  public var createdMilliseconds: Int64
  /// Since 1970; nil: it is valid.
  public var revokedMilliseconds: Int64?

  /// A token's record; its secret is nowhere.
  public init(name: String, roles: [String], createdMilliseconds: Int64, revokedMilliseconds: Int64? = nil) {
    self.name = name
    self.roles = roles
    self.createdMilliseconds = createdMilliseconds
    self.revokedMilliseconds = revokedMilliseconds
  }
}

/// Bearer tokens. Only the hash of a secret is stored; the secret itself is shown once, to the one who makes it.
public struct TokenStore: Sendable {
  private let database: StoreDatabase
  init(_ database: StoreDatabase) { self.database = database }

  /// A new secret: 256 random bits, so that a fast hash is enough to keep it.
  public static func secret() -> String {
    let text = Data(randomBytes(32)).base64EncodedString()
    return "dither_" + text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }

  /// - Returns: the secret. It cannot be had again.
  /// - Throws: `.alreadyExists` when a live token has the name.
  public func create(_ name: String, roles: [String]) throws(StoreError) -> String {
    let secret = Self.secret()
    try create(name, roles: roles, secret: secret)
    return secret
  }

  /// With a secret from elsewhere.
  public func create(_ name: String, roles: [String], secret: String) throws(StoreError) {
    try ModelReference.check(name: name, "token name")
    let hash = Data(Sha256.hash(secret.utf8).bytes)
    try database.write { db in
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
    }
  }

  /// Newest first, the revoked included.
  public func list() throws(StoreError) -> [Token] {
    try database.read { try Row.fetchAll($0, sql: "SELECT * FROM tokens ORDER BY id DESC").map(Self.token) }
  }

  /// - Throws: `.notFound` when no live token has the name.
  public func revoke(_ name: String) throws(StoreError) {
    try database.write(frees: true) { db in
      try db.execute(
        sql: "UPDATE tokens SET revoked_ms = ? WHERE name = ? AND revoked_ms IS NULL",
        arguments: [millisecondsNow(), name])
      if db.changesCount == 0 {
        let names = try String.fetchAll(db, sql: "SELECT name FROM tokens WHERE revoked_ms IS NULL")
        throw StoreError(
          .notFound, at: "token", expected: "the name of a live token", got: "'\(name.clipped())'",
          advice: nearest(to: name, among: names).map { "did you mean '\($0)'?" })
      }
    }
  }

  /// The live token that has this secret.
  public func find(secret: String) throws(StoreError) -> Token? {
    let hash = Sha256.hash(secret.utf8).bytes
    return try database.read { db in
      guard
        let row = try Row.fetchOne(
          db, sql: "SELECT * FROM tokens WHERE hash = ? AND revoked_ms IS NULL", arguments: [Data(hash)]),
        equalInConstantTime([UInt8](row["hash"] as Data), hash)
      else { return nil }
      return Self.token(row)
    }
  }

  /// The live token of this name: how a client certificate is given roles.
  public func find(name: String) throws(StoreError) -> Token? {
    try database.read { db in
      try Row.fetchOne(db, sql: "SELECT * FROM tokens WHERE name = ? AND revoked_ms IS NULL", arguments: [name])
        .map(Self.token)
    }
  }

  private static func token(_ row: Row) -> Token {
    Token(
      name: row["name"], roles: (row["roles"] as String).split(separator: ",").map(String.init),
      createdMilliseconds: row["created_ms"], revokedMilliseconds: row["revoked_ms"])
  }
}
