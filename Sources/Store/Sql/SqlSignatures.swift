import DitherBasics

/// Signatures of files, in a table.
extension SqlModels {
  package func sign(
    _ name: String, version: Int64, _ signature: FileSignature, by author: String
  ) async throws(StoreError) -> ModelVersion {
    try await database.write { db in
      let found = try Self.version(name, version, db)
      guard try Self.keep([signature], of: found.blob, as: found.reference, by: author, db) else { return found }
      return try Self.version(name, version, db)
    }
  }

  /// - Parameter reference: for the trail.
  /// - Returns: whether there were new ones.
  @discardableResult
  static func keep(
    _ signatures: [FileSignature], of blob: BlobID, as reference: String, by author: String, _ db: any SqlSession
  ) throws -> Bool {
    var isNew = false
    for signature in signatures {
      let key = signature.key.base64
      let added = try db.run(
        """
        INSERT INTO signatures (blob, key, signature, created_ms, created_by) VALUES ($1, $2, $3, now_ms(), $4)
        ON CONFLICT DO NOTHING
        """, [blob.hex, key, signature.bytes, author])
      guard added > 0 else { continue }
      isNew = true
      try SqlTrail.note(.signed, reference, by: author, ["digest": "\(blob)", "key": "\(signature.key)"], db)
    }
    guard isNew else { return false }
    let count: Int? = try db.row("SELECT COUNT(*) AS count FROM signatures WHERE blob = $1", [blob.hex])?["count"]
    try FileSignature.check(count: count ?? 0)
    // Every name of the file shows it.
    for row in try db.rows(
      "SELECT DISTINCT name FROM versions WHERE blob = $1 AND removed_ms IS NULL ORDER BY name", [blob.hex])
    {
      try ChangeLog.note(.model, try row["name"], db)
    }
    return true
  }

  /// By file, in the order of their keys.
  /// - Parameters:
  ///   - narrowed: a condition on name and version.
  ///   - arguments: its arguments.
  static func signatures(
    _ narrowed: String, _ arguments: [any SqlArgument], _ db: any SqlSession
  ) throws -> [String: [StoredSignature]] {
    var found: [String: [StoredSignature]] = [:]
    for row in try db.rows(
      """
      SELECT * FROM signatures WHERE blob IN (SELECT blob FROM versions WHERE \(narrowed)) ORDER BY blob, key
      """, arguments)
    {
      let key: String = try row["key"], blob: String = try row["blob"]
      guard let signer = Ed25519.PublicKey(base64: key) else {
        throw StoreError(
          .corrupt, at: "a signature of sha256:\(blob)", expected: "an Ed25519 key", got: "'\(key.clipped())'",
          advice: "something other than this program has written there: restore a copy")
      }
      found[blob, default: []].append(
        StoredSignature(
          signature: FileSignature(key: signer, bytes: try row["signature"]),
          createdMilliseconds: try row["created_ms"],
          createdBy: try row["created_by"]))
    }
    return found
  }
}
