import DitherBasics
import Foundation
import GRDB

/// Names, immutable versions and movable aliases, in tables.
struct SqliteModels: ModelRecords {
  private let database: StoreDatabase
  init(_ database: StoreDatabase) { self.database = database }

  func all() async throws(StoreError) -> [ModelVersion] {
    try await database.read { try Self.fetch($0) }
  }

  func versions(of name: String) async throws(StoreError) -> [ModelVersion] {
    try await database.read { try Self.fetch($0, name) }
  }

  func publish(
    _ model: NewModel, aliases: [String], by author: String
  ) async throws(StoreError) -> (version: ModelVersion, existed: Bool) {
    try ModelReference.check(name: model.name, "name")
    for alias in aliases { try ModelReference.check(alias: alias, "aliases") }
    return try await database.write { db in
      let same = try Row.fetchAll(
        db,
        sql: """
          SELECT version, card FROM versions WHERE name = ? AND blob = ? AND removed_ms IS NULL ORDER BY version DESC
          """, arguments: [model.name, model.blob.hex])
      let standing = same.first { Card.isSame($0["card"], asked: model.card) }.map { $0["version"] as Int64 }
      let version = try standing ?? Self.insert(model, by: author, db)
      if standing == nil { try ChangeLog.note(.model, model.name, db) }
      for alias in aliases { try Self.set(alias, of: model.name, to: version, by: author, db) }
      return (try Self.version(model.name, version, db), standing != nil)
    }
  }

  func setAlias(
    _ alias: String, of name: String, to version: Int64, expecting: AliasExpectation, by author: String
  ) async throws(StoreError) -> ModelVersion {
    try ModelReference.check(alias: alias, "alias")
    return try await database.write { db in
      _ = try Self.version(name, version, db)
      try Self.check(alias, of: name, is: expecting, db)
      try Self.set(alias, of: name, to: version, by: author, db)
      return try Self.version(name, version, db)
    }
  }

  func calibrate(
    _ name: String, version: Int64, _ content: [UInt8], by author: String
  ) async throws(StoreError) -> ModelVersion {
    try await database.write { db in
      _ = try Self.version(name, version, db)
      try db.execute(
        sql: """
          INSERT INTO calibrations (name, version, number, content, created_ms, created_by)
          SELECT ?1, ?2, COALESCE(MAX(number), 0) + 1, ?3, ?4, ?5 FROM calibrations WHERE name = ?1 AND version = ?2
          """, arguments: [name, version, Data(content), millisecondsNow(), author])
      try ChangeLog.note(.model, name, db)
      return try Self.version(name, version, db)
    }
  }

  func calibrations(of name: String, version: Int64) async throws(StoreError) -> [StoredCalibration] {
    try await database.read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM calibrations WHERE name = ? AND version = ? ORDER BY number DESC",
        arguments: [name, version]
      ).map(Self.calibration)
    }
  }

  func history(of alias: String, name: String) async throws(StoreError) -> [AliasChange] {
    try await database.read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM alias_history WHERE name = ? AND alias = ? ORDER BY id DESC", arguments: [name, alias]
      ).map { AliasChange(version: $0["version"], setMilliseconds: $0["set_ms"], setBy: $0["set_by"]) }
    }
  }

  func remove(_ name: String, version: Int64?, by author: String) async throws(StoreError) -> [ModelVersion] {
    try await database.write(frees: true) { db in
      let victims = try Self.fetch(db, name, version)
      for victim in victims {
        for alias in victim.aliases {
          try db.execute(sql: "DELETE FROM aliases WHERE name = ? AND alias = ?", arguments: [name, alias])
          try Self.record(alias, of: name, version: nil, by: author, db)
        }
        try db.execute(
          sql: "UPDATE versions SET removed_ms = ? WHERE name = ? AND version = ?",
          arguments: [millisecondsNow(), name, victim.version])
      }
      if !victims.isEmpty { try ChangeLog.note(.model, name, db) }
      return victims
    }
  }

  // MARK: files that are published from a folder

  func importStamp(_ file: String) async throws(StoreError) -> String? {
    try await database.read {
      try String.fetchOne($0, sql: "SELECT stamp FROM imports WHERE file = ?", arguments: [file])
    }
  }

  func setImportStamp(_ file: String, _ stamp: String) async throws(StoreError) {
    try await database.write {
      try $0.execute(sql: "INSERT OR REPLACE INTO imports (file, stamp) VALUES (?, ?)", arguments: [file, stamp])
    }
  }

  // MARK: rows

  private static func insert(_ model: NewModel, by author: String, _ db: Database) throws -> Int64 {
    try db.execute(
      sql: """
        INSERT INTO names (name, next_version) VALUES (?, 2)
        ON CONFLICT (name) DO UPDATE SET next_version = next_version + 1
        """, arguments: [model.name])
    let next = try Int64.fetchOne(db, sql: "SELECT next_version FROM names WHERE name = ?", arguments: [model.name])
    let version = (next ?? 2) - 1
    try db.execute(
      sql: """
        INSERT INTO versions
          (name, version, blob, bytes, card, signature, noise, default_samples, created_ms, created_by)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        model.name, version, model.blob.hex, model.bytes, model.card, model.signature, model.noise,
        model.defaultSamples, millisecondsNow(), author,
      ])
    return version
  }

  private static func set(
    _ alias: String, of name: String, to version: Int64, by author: String, _ db: Database
  ) throws {
    let standing = try Int64.fetchOne(
      db, sql: "SELECT version FROM aliases WHERE name = ? AND alias = ?", arguments: [name, alias])
    if standing == version { return }
    try db.execute(
      sql: "INSERT OR REPLACE INTO aliases (name, alias, version) VALUES (?, ?, ?)", arguments: [name, alias, version])
    try record(alias, of: name, version: version, by: author, db)
  }

  private static func check(
    _ alias: String, of name: String, is expected: AliasExpectation, _ db: Database
  ) throws {
    let standing = try Int64.fetchOne(
      db, sql: "SELECT version FROM aliases WHERE name = ? AND alias = ?", arguments: [name, alias])
    let fits: Bool, words: String
    switch expected {
    case .anything: return
    case .absent: (fits, words) = (standing == nil, "no such alias")
    case .version(let version): (fits, words) = (standing == version, "version \(version)")
    }
    guard fits else {
      throw StoreError(
        .conflict, at: "alias '\(alias)' of '\(name)'", expected: words,
        got: standing.map { "version \($0)" } ?? "no such alias", advice: "look who moved it, and decide again")
    }
  }

  private static func record(
    _ alias: String, of name: String, version: Int64?, by author: String, _ db: Database
  ) throws {
    try db.execute(
      sql: "INSERT INTO alias_history (name, alias, version, set_ms, set_by) VALUES (?, ?, ?, ?, ?)",
      arguments: [name, alias, version, millisecondsNow(), author])
    try ChangeLog.note(.model, name, db)
  }

  /// - Parameters:
  ///   - name: nil: of all names.
  ///   - number: nil: all of them.
  private static func fetch(
    _ db: Database, _ name: String? = nil, _ number: Int64? = nil
  ) throws -> [ModelVersion] {
    // Without a name the condition is always true; with one, tables are read by their keys.
    let narrowed =
      (name == nil ? "TRUE" : "name = :name") + (number == nil ? "" : " AND version = :version")
    var arguments = StatementArguments()
    if let name { arguments += ["name": name] }
    if let number { arguments += ["version": number] }
    let aliases = try Row.fetchAll(
      db, sql: "SELECT name, alias, version FROM aliases WHERE \(narrowed) ORDER BY name, alias", arguments: arguments)
    var byVersion: [String: [String]] = [:]
    for row in aliases {
      byVersion["\(row["name"] as String)@\(row["version"] as Int64)", default: []].append(row["alias"])
    }
    // The newest of each: of a row with MAX, SQLite gives the other columns of that row.
    let newest = try Row.fetchAll(
      db,
      sql: """
        SELECT name, version, MAX(number) AS number, content, created_ms, created_by FROM calibrations
        WHERE \(narrowed) GROUP BY name, version
        """, arguments: arguments)
    var calibrations: [String: StoredCalibration] = [:]
    for row in newest {
      calibrations["\(row["name"] as String)@\(row["version"] as Int64)"] = calibration(row)
    }
    return try Row.fetchAll(
      db, sql: "SELECT * FROM versions WHERE removed_ms IS NULL AND \(narrowed) ORDER BY name, version DESC",
      arguments: arguments
    ).map { row in
      let model = NewModel(
        name: row["name"], blob: try BlobID(row["blob"] as String), bytes: row["bytes"], card: row["card"],
        signature: row["signature"], noise: row["noise"], defaultSamples: row["default_samples"])
      var version = ModelVersion(
        model: model, version: row["version"], createdMilliseconds: row["created_ms"], createdBy: row["created_by"],
        aliases: [])
      version.aliases = byVersion[version.reference] ?? []
      version.calibration = calibrations[version.reference]
      return version
    }
  }

  private static func calibration(_ row: Row) -> StoredCalibration {
    StoredCalibration(
      number: row["number"], content: [UInt8](row["content"] as Data), createdMilliseconds: row["created_ms"],
      createdBy: row["created_by"])
  }

  private static func version(_ name: String, _ version: Int64, _ db: Database) throws -> ModelVersion {
    if let found = try fetch(db, name, version).first { return found }
    // The error says what is there instead.
    return try ModelIndex(fetch(db)).resolve(.version(name, version))
  }
}
