import DitherBasics

/// Which files a store has placed. A file that no record names is never removed: with an empty or an older database
/// beside the files, all of them would be without an owner.
package struct SqlBlobRecords: Sendable {
  private let database: any SqlDatabase
  /// Files that are announced or removed here, whoever else may be using the records.
  private let turns = Turnstiles<BlobID>()
  package init(_ database: any SqlDatabase) { self.database = database }

  /// Notes a file before it is placed, so that it is known as ours whatever becomes of it. It waits while another
  /// server removes that very file: whether it is there can be asked afterwards.
  package func announce(_ blob: BlobID) async throws(StoreError) {
    try await turns.pass(blob) { () async throws(StoreError) in try await note(blob) }
  }

  private func note(_ blob: BlobID) async throws(StoreError) {
    try await database.write(.journal) { db in
      try db.run(
        """
        INSERT INTO blobs (blob, announced_ms) SELECT $1, now_ms() FROM \(db.dialect.turn("$2")) WHERE TRUE
        ON CONFLICT (blob) DO UPDATE SET announced_ms = excluded.announced_ms
        """, [blob.hex, Self.key(of: blob)])
    }
  }

  /// Runs `body` while nobody announces a file.
  package func alone<Value: Sendable>(
    with blob: BlobID, _ body: @Sendable () async throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    try await turns.pass(blob) { () async throws(StoreError) in
      try await database.alone(Self.key(of: blob), body)
    }
  }

  /// The start of its digest: two files of one key wait for each other, and no harm.
  private static func key(of blob: BlobID) -> Int64 {
    Int64(bitPattern: blob.bytes.prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) })
  }

  /// Files of ours that neither a version, be it one that can be restored, nor a job to be done needs, announced `age`
  /// seconds ago or before.
  package func unreferenced(for age: Double) async throws(StoreError) -> Set<BlobID> {
    try await database.read { try Self.unreferenced(for: age, $0) }
  }

  static func unreferenced(for age: Double, _ db: any SqlSession) throws -> Set<BlobID> {
    let rows = try db.rows("SELECT blob FROM blobs WHERE \(isUnneeded("$1"))", [Int64(age * 1000)])
    return Set(try rows.map { try BlobID(try $0["blob"] as String) })
  }

  /// - Parameter age: milliseconds, as the statement's text has them.
  private static func isUnneeded(_ age: String) -> String {
    """
    announced_ms <= now_ms() - \(age)
    AND NOT EXISTS (SELECT 1 FROM versions WHERE versions.blob = blobs.blob AND removed_ms IS NULL)
    AND NOT EXISTS (SELECT 1 FROM versions WHERE versions.blob = blobs.blob AND kept_until_ms > now_ms())
    AND NOT EXISTS (
      SELECT 1 FROM job_blobs JOIN jobs ON jobs.id = job_blobs.job
      WHERE job_blobs.blob = blobs.blob AND jobs.state IN ('queued', 'running'))
    """
  }

  /// All that are on record.
  package func all() async throws(StoreError) -> Set<BlobID> {
    try await database.read { db in
      Set(try db.rows("SELECT blob FROM blobs").map { try BlobID(try $0["blob"] as String) })
    }
  }

  /// Before a file is removed.
  /// - Returns: whether its record went: not where something needs the file by now, or another has removed it.
  package func forget(_ blob: BlobID, for age: Double) async throws(StoreError) -> Bool {
    try await database.write(.freeing) { try Self.forget(blob, for: age, $0) }
  }

  static func forget(_ blob: BlobID, for age: Double, _ db: any SqlSession) throws -> Bool {
    try db.run("DELETE FROM blobs WHERE blob = $1 AND \(isUnneeded("$2"))", [blob.hex, Int64(age * 1000)]) > 0
  }
}
