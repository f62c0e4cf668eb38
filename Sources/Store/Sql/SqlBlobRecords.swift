import DitherBasics

/// Which files a store has placed. A file that no record names is never removed: with an empty or an older database
/// beside the files, all of them would be without an owner.
package struct SqlBlobRecords: Sendable {
  private let database: any SqlDatabase
  package init(_ database: any SqlDatabase) { self.database = database }

  /// Notes a file before it is placed, so that it is known as ours whatever becomes of it.
  package func announce(_ blob: BlobID) async throws(StoreError) {
    try await database.write(.journal) { db in
      try db.run(
        """
        INSERT INTO blobs (blob, announced_ms) VALUES ($1, now_ms())
        ON CONFLICT (blob) DO UPDATE SET announced_ms = excluded.announced_ms
        """, [blob.hex])
    }
  }

  /// Files of ours that neither a version, be it one that can be restored, nor a job to be done needs, announced `age`
  /// seconds ago or before.
  package func unreferenced(for age: Double) async throws(StoreError) -> Set<BlobID> {
    try await database.read { try Self.unreferenced(for: age, $0) }
  }

  static func unreferenced(for age: Double, _ db: any SqlSession) throws -> Set<BlobID> {
    let rows = try db.rows(
      """
      SELECT blob FROM blobs WHERE announced_ms <= now_ms() - $1
      AND NOT EXISTS (SELECT 1 FROM versions WHERE versions.blob = blobs.blob AND removed_ms IS NULL)
      AND NOT EXISTS (SELECT 1 FROM versions WHERE versions.blob = blobs.blob AND kept_until_ms > now_ms())
      AND NOT EXISTS (
        SELECT 1 FROM job_blobs JOIN jobs ON jobs.id = job_blobs.job
        WHERE job_blobs.blob = blobs.blob AND jobs.state IN ('queued', 'running'))
      """, [Int64(age * 1000)])
    return Set(try rows.map { try BlobID(try $0["blob"] as String) })
  }

  /// All that are on record.
  package func all() async throws(StoreError) -> Set<BlobID> {
    try await database.read { db in
      Set(try db.rows("SELECT blob FROM blobs").map { try BlobID(try $0["blob"] as String) })
    }
  }

  /// After a file was removed.
  package func forget(_ blob: BlobID) async throws(StoreError) {
    try await database.write(.freeing) { try Self.forget(blob, $0) }
  }

  static func forget(_ blob: BlobID, _ db: any SqlSession) throws {
    try db.run("DELETE FROM blobs WHERE blob = $1", [blob.hex])
  }
}
