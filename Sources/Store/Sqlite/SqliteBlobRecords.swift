import DitherBasics
import GRDB

/// Which files this store has placed. A file that no record names is never removed: with an empty or an older database
/// beside the files, all of them would be without an owner.
struct SqliteBlobRecords: Sendable {
  private let database: StoreDatabase
  init(_ database: StoreDatabase) { self.database = database }

  /// Notes a file before it is placed, so that it is known as ours whatever becomes of it.
  func announce(_ blob: BlobID) throws(StoreError) {
    try database.write { db in
      try db.execute(
        sql: """
          INSERT INTO blobs (blob, announced_ms) VALUES (?, ?)
          ON CONFLICT (blob) DO UPDATE SET announced_ms = excluded.announced_ms
          """, arguments: [blob.hex, millisecondsNow()])
    }
  }

  /// Files of ours that neither a version nor a job to be done needs, announced at `time` or before.
  func unreferenced(announcedUpTo time: Int64) throws(StoreError) -> Set<BlobID> {
    try database.read { db in
      let sql = """
        SELECT blob FROM blobs WHERE announced_ms <= ?
        AND NOT EXISTS (SELECT 1 FROM versions WHERE versions.blob = blobs.blob AND removed_ms IS NULL)
        AND NOT EXISTS (
          SELECT 1 FROM job_blobs JOIN jobs ON jobs.id = job_blobs.job
          WHERE job_blobs.blob = blobs.blob AND jobs.state IN ('queued', 'running'))
        """
      return Set(try String.fetchAll(db, sql: sql, arguments: [time]).map { try BlobID($0) })
    }
  }

  /// All that are on record.
  func all() throws(StoreError) -> Set<BlobID> {
    try database.read { db in Set(try String.fetchAll(db, sql: "SELECT blob FROM blobs").map { try BlobID($0) }) }
  }

  /// After a file was removed.
  func forget(_ blob: BlobID) throws(StoreError) {
    try database.write(frees: true) {
      try $0.execute(sql: "DELETE FROM blobs WHERE blob = ?", arguments: [blob.hex])
    }
  }
}
