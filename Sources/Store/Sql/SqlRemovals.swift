import DitherBasics

/// Removing versions, for good or for a while.
extension SqlModels {
  package func remove(
    _ name: String, version: Int64?, _ terms: RemovalTerms, by author: String
  ) async throws(StoreError) -> [ModelVersion] {
    try await database.write(.freeing) { db in
      let victims = try Self.fetch(db, name, version)
      if !terms.takesAliases { try Self.checkUnnamed(victims) }
      for victim in victims {
        for alias in victim.aliases {
          try db.run("DELETE FROM aliases WHERE name = $1 AND alias = $2", [name, alias])
          try Self.record(alias, of: name, from: victim.version, to: nil, by: author, db)
          try Self.dropRollouts(of: name, alias: alias, by: author, db)
        }
        try Self.dropRollouts(of: name, version: victim.version, by: author, db)
        try db.run(
          """
          UPDATE versions SET removed_ms = now_ms(), removed_by = $3, kept_until_ms = now_ms() + $4
          WHERE name = $1 AND version = $2
          """, [name, victim.version, author, terms.kept.milliseconds])
        let kept = "\(terms.kept.milliseconds)"
        try SqlTrail.note(
          terms.kept == .zero ? .purged : .removed, victim.reference, by: author, ["kept_ms": kept], db)
      }
      var gone = victims
      if terms.kept == .zero {
        let kept = try Self.fetch(db, name, version, .restorable)
        for version in kept {
          try db.run(
            "UPDATE versions SET kept_until_ms = now_ms() WHERE name = $1 AND version = $2", [name, version.version])
          try SqlTrail.note(.purged, version.reference, by: author, ["kept_ms": "0"], db)
        }
        gone += kept
      }
      if !gone.isEmpty { try ChangeLog.note(.model, name, db) }
      return gone
    }
  }

  private static func checkUnnamed(_ victims: [ModelVersion]) throws(StoreError) {
    guard let named = victims.first(where: { !$0.aliases.isEmpty || !$0.rollouts.isEmpty }) else { return }
    let aliases = (named.aliases.map { "'\($0)'" } + named.rollouts.map { "a candidate for '\($0.alias)'" })
      .joined(separator: ", ")
    throw StoreError(
      .conflict, at: "model '\(named.reference)'", expected: "a version that no alias names",
      got: "one that is \(aliases.clipped())",
      advice: "point the alias at another version first, or force the removal, which takes the alias too")
  }

  package func removed() async throws(StoreError) -> [ModelVersion] {
    try await database.read { try Self.fetch($0, nil, nil, .restorable) }
  }

  package func restore(
    _ name: String, version: Int64?, by author: String
  ) async throws(StoreError) -> [ModelVersion] {
    try await database.write { db in
      let found = try Self.fetch(db, name, version, .restorable)
      guard !found.isEmpty else { throw try Self.nothingToRestore(name, version, db) }
      for version in found {
        try db.run(
          """
          UPDATE versions SET removed_ms = NULL, removed_by = '', kept_until_ms = NULL WHERE name = $1 AND version = $2
          """, [name, version.version])
        try SqlTrail.note(.restored, version.reference, by: author, [:], db)
      }
      try ChangeLog.note(.model, name, db)
      let restored = Set(found.map(\.version))
      return try Self.fetch(db, name).filter { restored.contains($0.version) }
    }
  }

  private static func nothingToRestore(_ name: String, _ version: Int64?, _ db: any SqlSession) throws -> StoreError {
    let reference = version.map { "\(name)@\($0)" } ?? name
    // Other names may be nothing to the caller.
    let others = try fetch(db, name, nil, .restorable).prefix(8).map { "'\($0.reference)'" }
    return StoreError(
      .notFound, at: "model", expected: "a version that was removed and is still kept",
      got: "'\(reference.clipped())'",
      advice: others.isEmpty ? "none is kept of this name" : "these are kept: \(others.joined(separator: ", "))")
  }
}
