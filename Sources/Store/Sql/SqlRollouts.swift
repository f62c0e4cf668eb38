import DitherBasics

/// Candidates of aliases, in a table.
extension SqlModels {
  package func setRollout(
    _ alias: String, of name: String, to version: Int64, _ terms: RolloutTerms, by author: String
  ) async throws(StoreError) -> ModelVersion {
    try await database.write { db in
      let candidate = try Self.version(name, version, db)
      guard let standing = try Self.target(of: alias, name, db), standing != version else {
        let isThere = candidate.aliases.contains(alias)
        throw StoreError(
          .conflict, at: "alias '\(alias.clipped())' of '\(name)'", expected: "one at another version",
          got: isThere ? "version \(version)" : "no such alias",
          advice: isThere ? "name the version that is to be tried" : "point the alias at a version first")
      }
      try db.run(
        """
        INSERT INTO rollouts (name, alias, version, share_ppm, is_shadow, set_ms, set_by)
        VALUES ($1, $2, $3, $4, $5, now_ms(), $6)
        ON CONFLICT (name, alias) DO UPDATE SET version = excluded.version, share_ppm = excluded.share_ppm,
          is_shadow = excluded.is_shadow, set_ms = excluded.set_ms, set_by = excluded.set_by
        """, [name, alias, version, terms.sharePpm, Int64(terms.isShadow ? 1 : 0), author])
      try ChangeLog.note(.model, name, db)
      try SqlTrail.note(
        .rolloutSet, "\(name):\(alias)", by: author,
        [
          "version": "\(version)", "share_ppm": "\(terms.sharePpm)", "shadow": "\(terms.isShadow)",
          "audit": terms.audit,
        ], db)
      return try Self.version(name, version, db)
    }
  }

  package func endRollout(_ alias: String, of name: String, by author: String) async throws(StoreError) {
    try await database.write { db in
      guard try Self.dropRollouts(of: name, alias: alias, by: author, db) else {
        throw StoreError(
          .notFound, at: "alias '\(alias.clipped())' of '\(name.clipped())'", expected: "one that has a candidate",
          got: "none", advice: "list them: dither models rollouts")
      }
    }
  }

  /// Ends the trials of an alias, or of a version, that go on.
  /// - Returns: whether there were any.
  @discardableResult
  static func dropRollouts(
    of name: String, alias: String? = nil, version: Int64? = nil, by author: String, _ db: any SqlSession
  ) throws -> Bool {
    var conditions = ["name = $1"], arguments: [any SqlArgument] = [name]
    if let alias {
      arguments.append(alias)
      conditions.append("alias = $\(arguments.count)")
    }
    if let version {
      arguments.append(version)
      conditions.append("version = $\(arguments.count)")
    }
    let narrowed = conditions.joined(separator: " AND ")
    let found = try db.rows("SELECT alias, version FROM rollouts WHERE \(narrowed) ORDER BY alias", arguments)
    guard !found.isEmpty else { return false }
    try db.run("DELETE FROM rollouts WHERE \(narrowed)", arguments)
    for row in found {
      let alias: String = try row["alias"], candidate: Int64 = try row["version"]
      try SqlTrail.note(.rolloutEnded, "\(name):\(alias)", by: author, ["version": "\(candidate)"], db)
    }
    try ChangeLog.note(.model, name, db)
    return true
  }

  /// By reference, in the order of their aliases.
  /// - Parameters:
  ///   - narrowed: a condition on name and version.
  ///   - arguments: its arguments.
  static func rollouts(
    _ narrowed: String, _ arguments: [any SqlArgument], _ db: any SqlSession
  ) throws -> [String: [Rollout]] {
    var found: [String: [Rollout]] = [:]
    for row in try db.rows("SELECT * FROM rollouts WHERE \(narrowed) ORDER BY name, alias", arguments) {
      found[try reference(row), default: []].append(
        Rollout(
          alias: try row["alias"], sharePpm: try row["share_ppm"], isShadow: try row["is_shadow"],
          setMilliseconds: try row["set_ms"], setBy: try row["set_by"]))
    }
    return found
  }
}
