import DitherBasics

/// Names, immutable versions and movable aliases, in tables.
package struct SqlModels: ModelRecords {
  let database: any SqlDatabase
  package init(_ database: any SqlDatabase) { self.database = database }

  package func all() async throws(StoreError) -> [ModelVersion] {
    try await database.read { try Self.fetch($0) }
  }

  package func versions(of name: String) async throws(StoreError) -> [ModelVersion] {
    try await database.read { try Self.fetch($0, name) }
  }

  package func publish(
    _ model: NewModel, _ terms: PublicationTerms, by author: String
  ) async throws(StoreError) -> (version: ModelVersion, existed: Bool) {
    try ModelReference.check(name: model.name, "name")
    for alias in terms.aliases { try ModelReference.check(alias: alias, "aliases") }
    return try await database.write { db in
      let same = try db.rows(
        "SELECT version FROM versions WHERE name = $1 AND blob = $2 AND removed_ms IS NULL ORDER BY version DESC",
        [model.name, model.blob.hex])
      var standing: Int64?
      for row in same where standing == nil {
        let found = try Self.fetch(db, model.name, try row["version"]).first
        if let found, found.isSame(file: model.blob, card: model.card) { standing = found.version }
      }
      if standing == nil, terms.quota != OwnerQuota() {
        try terms.quota.check(author, held: Self.holdings(of: author, db), adding: model.bytes)
      }
      let version = try standing ?? Self.insert(model, by: author, db)
      if standing == nil {
        try ChangeLog.note(.model, model.name, db)
        try SqlTrail.note(
          .uploaded, "\(model.name)@\(version)", by: author, ["digest": "\(model.blob)", "bytes": "\(model.bytes)"], db)
      }
      try Self.keep(terms.signatures, of: model.blob, as: "\(model.name)@\(version)", by: author, db)
      for alias in terms.aliases { try Self.set(alias, of: model.name, to: version, by: author, db) }
      return (try Self.version(model.name, version, db), standing != nil)
    }
  }

  package func setAlias(
    _ alias: String, of name: String, to version: Int64, _ terms: AliasTerms, by author: String
  ) async throws(StoreError) -> ModelVersion {
    try ModelReference.check(alias: alias, "alias")
    return try await database.write { db in
      _ = try Self.version(name, version, db)
      try Self.check(alias, of: name, is: terms.expecting, db)
      try Self.set(alias, of: name, to: version, audit: terms.audit, by: author, db)
      return try Self.version(name, version, db)
    }
  }

  package func holdings(of author: String) async throws(StoreError) -> (versions: Int, bytes: Int) {
    try await database.read { try Self.holdings(of: author, $0) }
  }

  private static func holdings(of author: String, _ db: any SqlSession) throws -> (versions: Int, bytes: Int) {
    // A sum of PostgreSQL is of another type than its terms.
    let row = try db.row(
      """
      SELECT COUNT(*) AS versions, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM versions
      WHERE created_by = $1 AND (removed_ms IS NULL OR kept_until_ms > now_ms())
      """, [author])
    return (try row?["versions"] ?? 0, try row?["bytes"] ?? 0)
  }

  package func calibrate(
    _ name: String, version: Int64, _ content: [UInt8], by author: String
  ) async throws(StoreError) -> ModelVersion {
    try await database.write { db in
      _ = try Self.version(name, version, db)
      try db.run(
        """
        INSERT INTO calibrations (name, version, number, content, created_ms, created_by)
        SELECT $1, $2, COALESCE(MAX(number), 0) + 1, $3, now_ms(), $4 FROM calibrations WHERE name = $1 AND version = $2
        """, [name, version, content, author])
      try ChangeLog.note(.model, name, db)
      let calibrated = try Self.version(name, version, db)
      try SqlTrail.note(
        .calibrated, calibrated.reference, by: author,
        ["number": "\(calibrated.calibration?.number ?? 0)", "content": "sha256:\(Sha256.hash(content).hex)"], db)
      return calibrated
    }
  }

  package func calibrations(of name: String, version: Int64) async throws(StoreError) -> [StoredCalibration] {
    try await database.read { db in
      try db.rows(
        "SELECT * FROM calibrations WHERE name = $1 AND version = $2 ORDER BY number DESC", [name, version]
      ).map(Self.calibration)
    }
  }

  package func history(of alias: String, name: String) async throws(StoreError) -> [AliasChange] {
    try await database.read { db in
      try db.rows("SELECT * FROM alias_history WHERE name = $1 AND alias = $2 ORDER BY id DESC", [name, alias])
        .map { AliasChange(version: try $0["version"], setMilliseconds: try $0["set_ms"], setBy: try $0["set_by"]) }
    }
  }

  // MARK: files that are published from a folder

  package func importStamp(_ file: String) async throws(StoreError) -> String? {
    try await database.read { try $0.row("SELECT stamp FROM imports WHERE file = $1", [file])?["stamp"] }
  }

  package func setImportStamp(_ file: String, _ stamp: String) async throws(StoreError) {
    try await database.write(.journal) {
      try $0.run(
        "INSERT INTO imports (file, stamp) VALUES ($1, $2) ON CONFLICT (file) DO UPDATE SET stamp = excluded.stamp",
        [file, stamp])
    }
  }

  // MARK: rows

  private static func insert(_ model: NewModel, by author: String, _ db: any SqlSession) throws -> Int64 {
    let next: Int64? = try db.row(
      """
      INSERT INTO names (name, next_version) VALUES ($1, 2)
      ON CONFLICT (name) DO UPDATE SET next_version = names.next_version + 1 RETURNING next_version
      """, [model.name])?["next_version"]
    let version = (next ?? 2) - 1
    try db.run(
      """
      INSERT INTO versions
        (name, version, blob, bytes, card, signature, noise, default_samples, created_by, created_ms)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now_ms())
      """,
      [
        model.name, version, model.blob.hex, model.bytes, model.card, model.signature, model.noise,
        model.defaultSamples, author,
      ])
    return version
  }

  private static func set(
    _ alias: String, of name: String, to version: Int64, audit: String? = nil, by author: String,
    _ db: any SqlSession
  ) throws {
    let standing = try target(of: alias, name, db)
    if standing == version { return }
    try db.run(
      """
      INSERT INTO aliases (name, alias, version) VALUES ($1, $2, $3)
      ON CONFLICT (name, alias) DO UPDATE SET version = excluded.version
      """, [name, alias, version])
    try record(alias, of: name, from: standing, to: version, audit: audit, by: author, db)
    // The candidate has won.
    try dropRollouts(of: name, alias: alias, version: version, by: author, db)
  }

  /// nil: there is no such alias.
  static func target(of alias: String, _ name: String, _ db: any SqlSession) throws -> Int64? {
    try db.row("SELECT version FROM aliases WHERE name = $1 AND alias = $2", [name, alias])?["version"]
  }

  private static func check(
    _ alias: String, of name: String, is expected: AliasExpectation, _ db: any SqlSession
  ) throws {
    let standing = try target(of: alias, name, db)
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

  /// - Parameters:
  ///   - standing: the version that it was at; nil: there was no such alias.
  ///   - version: nil: it is gone.
  ///   - audit: whose gates the version has passed.
  static func record(
    _ alias: String, of name: String, from standing: Int64?, to version: Int64?, audit: String? = nil,
    by author: String,
    _ db: any SqlSession
  ) throws {
    try db.run(
      "INSERT INTO alias_history (name, alias, version, set_by, set_ms) VALUES ($1, $2, $3, $4, now_ms())",
      [name, alias, version, author])
    try ChangeLog.note(.model, name, db)
    try SqlTrail.note(
      version == nil ? .aliasDropped : .aliasMoved, "\(name):\(alias)", by: author,
      ["from": standing.map { "\($0)" } ?? "none", "to": version.map { "\($0)" } ?? "none", "audit": audit], db)
  }

  /// Versions that are there, and those that are not but can be restored.
  enum Standing: String {
    case there = "removed_ms IS NULL"
    case restorable = "kept_until_ms > now_ms()"
  }

  /// - Parameters:
  ///   - name: nil: of all names.
  ///   - number: nil: all of them.
  static func fetch(
    _ db: any SqlSession, _ name: String? = nil, _ number: Int64? = nil, _ standing: Standing = .there
  ) throws -> [ModelVersion] {
    // Without a name the condition is always true; with one, tables are read by their keys.
    let narrowed = (name == nil ? "TRUE" : "name = $1") + (number == nil ? "" : " AND version = $2")
    var arguments: [any SqlArgument] = []
    if let name { arguments.append(name) }
    if let number { arguments.append(number) }
    var aliases: [String: [String]] = [:]
    for row in try db.rows(
      "SELECT name, alias, version FROM aliases WHERE \(narrowed) ORDER BY name, alias", arguments)
    {
      aliases[try reference(row), default: []].append(try row["alias"])
    }
    let newest = try db.rows(
      """
      SELECT * FROM calibrations AS c WHERE \(narrowed)
      AND number = (SELECT MAX(d.number) FROM calibrations AS d WHERE d.name = c.name AND d.version = c.version)
      """, arguments)
    let rollouts = try rollouts(narrowed, arguments, db)
    let signatures = try signatures(narrowed, arguments, db)
    let descriptions = try descriptions(narrowed, arguments, db)
    let calibrations = Dictionary(try newest.map { (try reference($0), try calibration($0)) }) { $1 }
    return try db.rows(
      "SELECT * FROM versions WHERE \(standing.rawValue) AND \(narrowed) ORDER BY name, version DESC", arguments
    ).map { row in
      let model = NewModel(
        name: try row["name"], blob: try BlobID(try row["blob"] as String), bytes: try row["bytes"],
        card: try row["card"], signature: try row["signature"], noise: try row["noise"],
        defaultSamples: try row["default_samples"])
      let reference = try reference(row), changed = descriptions[reference]
      let description = VersionDescription(
        number: changed?.number ?? 0, card: changed?.card ?? model.card, tags: changed?.tags ?? [:])
      return ModelVersion(
        model: model, version: try row["version"], createdMilliseconds: try row["created_ms"],
        createdBy: try row["created_by"], aliases: aliases[reference] ?? [], calibration: calibrations[reference],
        removal: try removal(row), description: description,
        signatures: signatures[model.blob.hex] ?? [], rollouts: rollouts[reference] ?? [])
    }
  }

  static func reference(_ row: SqlRow) throws -> String {
    let name: String = try row["name"], version: Int64 = try row["version"]
    return "\(name)@\(version)"
  }

  private static func removal(_ row: SqlRow) throws -> VersionRemoval? {
    guard let removed: Int64 = try row["removed_ms"], let end: Int64 = try row["kept_until_ms"] else { return nil }
    return VersionRemoval(
      removedMilliseconds: removed, removedBy: try row["removed_by"], keptUntilMilliseconds: end)
  }

  private static func calibration(_ row: SqlRow) throws -> StoredCalibration {
    StoredCalibration(
      number: try row["number"], content: try row["content"], createdMilliseconds: try row["created_ms"],
      createdBy: try row["created_by"])
  }

  static func version(_ name: String, _ version: Int64, _ db: any SqlSession) throws -> ModelVersion {
    if let found = try fetch(db, name, version).first { return found }
    // The error says what is there instead.
    return try ModelIndex(fetch(db)).resolve(.version(name, version))
  }
}
