import DitherBasics
import Foundation
import GRDB

/// What is known of a model when it is published.
public struct NewModel: Sendable, Equatable {
  public var name: String
  /// The file's.
  public var blob: BlobID
  /// Bytes of the file.
  public var bytes: Int
  /// JSON, or empty.
  public var card: String
  /// JSON.
  public var signature: String
  /// The noise that the file carries as JSON, or empty.
  public var noise: String
  /// Draws of a `Predict` that does not say.
  public var defaultSamples: Int

  public init(
    name: String, blob: BlobID, bytes: Int, card: String, signature: String, noise: String, defaultSamples: Int
  ) {
    self.name = name
    self.blob = blob
    self.bytes = bytes
    self.card = card
    self.signature = signature
    self.noise = noise
    self.defaultSamples = defaultSamples
  }
}

/// What was fitted to a version after it was published.
public struct StoredCalibration: Sendable, Equatable {
  /// From 1, rising.
  public var number: Int64
  /// JSON.
  public var content: [UInt8]
  /// Since 1970.
  public var createdMilliseconds: Int64
  /// The caller's name.
  public var createdBy: String
}

/// A version in the registry: immutable, but for the aliases that point at it and for its calibration.
public struct ModelVersion: Sendable, Equatable {
  /// As it was published.
  public var model: NewModel
  /// From 1, never used twice for a name.
  public var version: Int64
  public var createdMilliseconds: Int64
  public var createdBy: String
  /// In alphabetical order.
  public var aliases: [String]
  /// The newest.
  public var calibration: StoredCalibration?

  public var name: String { model.name }
  /// The file's.
  public var blob: BlobID { model.blob }
  /// `name@version`.
  public var reference: String { "\(model.name)@\(version)" }
}

/// One entry of the record of where an alias pointed.
public struct AliasChange: Sendable, Equatable {
  /// nil: the alias went away with its version.
  public var version: Int64?
  /// Since 1970.
  public var setMilliseconds: Int64
  /// The caller's name.
  public var setBy: String
}

/// Names, immutable versions and movable aliases.
public struct ModelStore: Sendable {
  private let database: StoreDatabase
  init(_ database: StoreDatabase) { self.database = database }

  /// Every version, by name, newest first.
  public func all() throws(StoreError) -> [ModelVersion] {
    try database.read { try Self.versions($0) }
  }

  /// Makes a version visible, with its aliases, in one transaction. A version is its file and its card: the same file
  /// with another card is a new version.
  /// - Returns: the version that the name already has of this file and card, if it has one; the aliases are set all the
  ///   same.
  public func publish(
    _ model: NewModel, aliases: [String], by author: String
  ) throws(StoreError) -> (version: ModelVersion, existed: Bool) {
    try ModelReference.check(name: model.name, "name")
    for alias in aliases { try ModelReference.check(name: alias, "aliases") }
    return try database.write { db in
      let same = try Row.fetchAll(
        db,
        sql: """
          SELECT version, card FROM versions WHERE name = ? AND blob = ? AND removed_ms IS NULL ORDER BY version DESC
          """, arguments: [model.name, model.blob.hex])
      let standing = same.first { Card.isSame($0["card"], asked: model.card) }.map { $0["version"] as Int64 }
      let version = try standing ?? Self.insert(model, by: author, db)
      for alias in aliases { try Self.set(alias, of: model.name, to: version, by: author, db) }
      return (try Self.version(model.name, version, db), standing != nil)
    }
  }

  /// Moves an alias, or makes it.
  public func setAlias(
    _ alias: String, of name: String, to version: Int64, by author: String
  ) throws(StoreError) -> ModelVersion {
    try ModelReference.check(name: alias, "alias")
    return try database.write { db in
      _ = try Self.version(name, version, db)
      try Self.set(alias, of: name, to: version, by: author, db)
      return try Self.version(name, version, db)
    }
  }

  /// Adds a calibration of a version: from now on its newest. Older ones stay on record.
  public func calibrate(
    _ name: String, version: Int64, _ content: [UInt8], by author: String
  ) throws(StoreError) -> ModelVersion {
    try database.write { db in
      _ = try Self.version(name, version, db)
      try db.execute(
        sql: """
          INSERT INTO calibrations (name, version, number, content, created_ms, created_by)
          SELECT ?1, ?2, COALESCE(MAX(number), 0) + 1, ?3, ?4, ?5 FROM calibrations WHERE name = ?1 AND version = ?2
          """, arguments: [name, version, Data(content), millisecondsNow(), author])
      return try Self.version(name, version, db)
    }
  }

  /// All of a version, newest first.
  public func calibrations(of name: String, version: Int64) throws(StoreError) -> [StoredCalibration] {
    try database.read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM calibrations WHERE name = ? AND version = ? ORDER BY number DESC",
        arguments: [name, version]
      ).map(Self.calibration)
    }
  }

  /// Where an alias pointed, newest first.
  public func history(of alias: String, name: String) throws(StoreError) -> [AliasChange] {
    try database.read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM alias_history WHERE name = ? AND alias = ? ORDER BY id DESC", arguments: [name, alias]
      ).map { AliasChange(version: $0["version"], setMilliseconds: $0["set_ms"], setBy: $0["set_by"]) }
    }
  }

  /// Removes a version, or all of a name, with the aliases that point there.
  /// - Returns: what was removed; its files may be needed by other versions.
  public func remove(_ name: String, version: Int64?, by author: String) throws(StoreError) -> [ModelVersion] {
    try database.write(frees: true) { db in
      let victims = try Self.versions(db).filter { $0.name == name && (version == nil || $0.version == version) }
      for victim in victims {
        for alias in victim.aliases {
          try db.execute(sql: "DELETE FROM aliases WHERE name = ? AND alias = ?", arguments: [name, alias])
          try Self.record(alias, of: name, version: nil, by: author, db)
        }
        try db.execute(
          sql: "UPDATE versions SET removed_ms = ? WHERE name = ? AND version = ?",
          arguments: [millisecondsNow(), name, victim.version])
      }
      return victims
    }
  }

  // MARK: files that are published from a folder

  /// What a file of the models' folder was like when it was last published.
  public func importStamp(_ file: String) throws(StoreError) -> String? {
    try database.read { try String.fetchOne($0, sql: "SELECT stamp FROM imports WHERE file = ?", arguments: [file]) }
  }

  /// Remembers which state of a file was published.
  public func setImportStamp(_ file: String, _ stamp: String) throws(StoreError) {
    try database.write {
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

  private static func record(
    _ alias: String, of name: String, version: Int64?, by author: String, _ db: Database
  ) throws {
    try db.execute(
      sql: "INSERT INTO alias_history (name, alias, version, set_ms, set_by) VALUES (?, ?, ?, ?, ?)",
      arguments: [name, alias, version, millisecondsNow(), author])
  }

  private static func versions(_ db: Database) throws -> [ModelVersion] {
    let aliases = try Row.fetchAll(db, sql: "SELECT name, alias, version FROM aliases ORDER BY name, alias")
    var byVersion: [String: [String]] = [:]
    for row in aliases {
      byVersion["\(row["name"] as String)@\(row["version"] as Int64)", default: []].append(row["alias"])
    }
    var calibrations: [String: StoredCalibration] = [:]
    for row in try Row.fetchAll(db, sql: "SELECT * FROM calibrations ORDER BY name, version, number") {
      calibrations["\(row["name"] as String)@\(row["version"] as Int64)"] = calibration(row)
    }
    return try Row.fetchAll(
      db, sql: "SELECT * FROM versions WHERE removed_ms IS NULL ORDER BY name, version DESC"
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
    try ModelIndex(versions(db)).resolve(.version(name, version))
  }
}
