import DitherBasics

/// Cards and tags that change, with all that they were.
extension SqlModels {
  package func describe(
    _ name: String, version: Int64, _ change: DescriptionChange, by author: String
  ) async throws(StoreError) -> ModelVersion {
    try await database.write { db in
      let found = try Self.version(name, version, db), standing = found.description
      if let expected = change.expected, expected != standing.number {
        throw StoreError(
          .conflict, at: "revision of '\(found.reference)'", expected: "\(expected)", got: "\(standing.number)",
          advice: "look what was changed, and decide again")
      }
      var tags = standing.tags.merging(change.tags) { $1 }
      for key in change.droppedTags { tags[key] = nil }
      try Tags.check(tags)
      let card = change.card == standing.card ? nil : change.card
      guard card != nil || tags != standing.tags else { return found }
      let number = standing.number + 1
      try db.run(
        """
        INSERT INTO revisions (name, version, number, card, tags, created_ms, created_by)
        VALUES ($1, $2, $3, $4, $5, now_ms(), $6)
        """, [name, version, number, card, Tags.text(tags), author])
      try ChangeLog.note(.model, name, db)
      try SqlTrail.note(
        .described, found.reference, by: author,
        [
          "revision": "\(number)", "card": card.map { "sha256:\(Sha256.hash($0.utf8).hex)" } ?? "same",
          "tags": "sha256:\(Sha256.hash(Tags.text(tags).utf8).hex)",
        ], db)
      return try Self.version(name, version, db)
    }
  }

  package func revisions(
    of name: String, version: Int64, before number: Int64?, limit: Int
  ) async throws(StoreError) -> [VersionRevision] {
    try await database.read { db in
      let found = try Self.version(name, version, db)
      var revisions = try db.rows(
        """
        SELECT number, card, tags, created_ms, created_by FROM revisions
        WHERE name = $1 AND version = $2 AND number < $3 ORDER BY number DESC LIMIT $4
        """, [name, version, number ?? Int64.max, limit]
      ).map { row in
        VersionRevision(
          number: try row["number"], card: try row["card"], tags: try Tags.read(try row["tags"]),
          createdMilliseconds: try row["created_ms"], createdBy: try row["created_by"])
      }
      if revisions.count < limit, number != 0 {
        revisions.append(
          VersionRevision(
            number: 0, card: found.model.card, tags: [:], createdMilliseconds: found.createdMilliseconds,
            createdBy: found.createdBy))
      }
      return revisions
    }
  }

  /// The descriptions that were changed, by reference.
  /// - Parameters:
  ///   - narrowed: a condition on name and version.
  ///   - arguments: its arguments.
  static func descriptions(
    _ narrowed: String, _ arguments: [any SqlArgument], _ db: any SqlSession
  ) throws -> [String: (number: Int64, card: String?, tags: [String: String])] {
    var cards: [String: String] = [:]
    for row in try db.rows(
      """
      SELECT name, version, card FROM revisions AS r WHERE \(narrowed) AND number = (
        SELECT MAX(s.number) FROM revisions AS s
        WHERE s.name = r.name AND s.version = r.version AND s.card IS NOT NULL)
      """, arguments)
    {
      cards[try reference(row)] = try row["card"]
    }
    var found: [String: (number: Int64, card: String?, tags: [String: String])] = [:]
    for row in try db.rows(
      """
      SELECT name, version, number, tags FROM revisions AS r WHERE \(narrowed)
      AND number = (SELECT MAX(s.number) FROM revisions AS s WHERE s.name = r.name AND s.version = r.version)
      """, arguments)
    {
      let reference = try reference(row)
      found[reference] = (try row["number"], cards[reference], try Tags.read(try row["tags"]))
    }
    return found
  }
}
