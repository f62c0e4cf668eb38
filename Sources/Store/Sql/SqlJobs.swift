import DitherBasics

/// Jobs and the journals of their shards, in tables.
package struct SqlJobs: JobRecords {
  private let database: any SqlDatabase
  package init(_ database: any SqlDatabase) { self.database = database }

  /// - Parameter blobs: files that the job needs, kept until it has ended.
  package func create(_ job: Job, blobs: [BlobID]) async throws(StoreError) {
    try await database.write { db in
      try db.run(
        """
        INSERT INTO jobs (id, kind, subject, spec, state, message, created_ms, created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        [
          job.id, job.kind, job.subject, job.spec, job.state.rawValue, job.message, job.createdMilliseconds,
          job.createdBy,
        ])
      try ChangeLog.note(.job, job.id, db)
      for blob in blobs {
        try db.run("INSERT INTO job_blobs (job, blob) VALUES ($1, $2) ON CONFLICT DO NOTHING", [job.id, blob.hex])
      }
    }
  }

  /// - Throws: `.notFound`.
  package func job(_ id: String) async throws(StoreError) -> Job {
    let found = try await database.read { db in
      try db.row("SELECT * FROM jobs WHERE id = $1", [id]).map(Self.job)
    }
    guard let found else {
      throw StoreError(
        .notFound, at: "audit", expected: "the name of a job here", got: "'\(id.clipped())'", advice: "list them")
    }
    return found
  }

  /// Newest first.
  package func list(kind: String, limit: Int) async throws(StoreError) -> [Job] {
    try await database.read { db in
      try db.rows("SELECT * FROM jobs WHERE kind = $1 ORDER BY created_ms DESC, id DESC LIMIT $2", [kind, limit])
        .map(Self.job)
    }
  }

  /// Jobs that are to be done, oldest first.
  package func unfinished(kind: String) async throws(StoreError) -> [Job] {
    try await database.read { db in
      try db.rows(
        "SELECT * FROM jobs WHERE kind = $1 AND state IN ('queued', 'running') ORDER BY created_ms, id", [kind]
      ).map(Self.job)
    }
  }

  /// - Returns: whether the state changed: not when it was final already.
  @discardableResult
  package func setState(_ state: Job.State, of id: String, message: String) async throws(StoreError) -> Bool {
    // A job that has ended needs its files no more.
    try await database.write(state.isFinal ? .freeing : .records) { db in
      let changed = try db.run(
        "UPDATE jobs SET state = $1, message = $2 WHERE id = $3 AND state IN ('queued', 'running')",
        [state.rawValue, message, id])
      return try Self.noted(changed, id, db)
    }
  }

  /// Begins a job anew: its journal is emptied.
  package func restart(_ id: String, spec: [UInt8]) async throws(StoreError) {
    try await database.write { db in
      try db.run("DELETE FROM job_shards WHERE job = $1", [id])
      try db.run("UPDATE jobs SET spec = $1, spent_ms = 0 WHERE id = $2", [spec, id])
    }
  }

  /// Ends a job with its report, in one transaction.
  /// - Returns: whether it was still to be done.
  package func finish(_ id: String, json: [UInt8], html: [UInt8]) async throws(StoreError) -> Bool {
    try await database.write { db in
      let changed = try db.run(
        """
        UPDATE jobs SET state = 'done', message = '', json = $1, html = $2
        WHERE id = $3 AND state IN ('queued', 'running')
        """, [json, html, id])
      return try Self.noted(changed, id, db)
    }
  }

  /// The report of a job that is done.
  package func report(_ id: String) async throws(StoreError) -> (json: [UInt8], html: [UInt8])? {
    try await database.read { db in
      guard let row = try db.row("SELECT json, html FROM jobs WHERE id = $1", [id]),
        let json = try row["json"] as [UInt8]?, let html = try row["html"] as [UInt8]?
      else { return nil }
      return (json, html)
    }
  }

  /// Stores the computing time of a job until now; less than is known already changes nothing.
  package func setSpent(milliseconds: Int64, of id: String) async throws(StoreError) {
    try await database.write(.journal) {
      try $0.run("UPDATE jobs SET spent_ms = $1 WHERE id = $2 AND spent_ms < $1", [milliseconds, id])
    }
  }

  // MARK: the journal

  package func claim(
    shard: Int, of id: String, by owner: String, for lease: Duration
  ) async throws(StoreError) -> ShardClaim? {
    try await database.write(.journal) { db in
      // Whoever held it before and did not give it back was lost on it.
      let row = try db.row(
        """
        INSERT INTO job_shards (job, shard, owner, lease_until_ms, attempts) VALUES ($1, $2, $3, now_ms() + $4, 1)
        ON CONFLICT (job, shard) DO UPDATE
        SET owner = excluded.owner, lease_until_ms = excluded.lease_until_ms, attempts = job_shards.attempts + 1,
          lost = job_shards.lost + CASE WHEN job_shards.owner IS NULL THEN 0 ELSE 1 END
        WHERE job_shards.result IS NULL
        AND (job_shards.owner IS NULL OR job_shards.lease_until_ms <= now_ms())
        RETURNING attempts, lost
        """, [id, shard, owner, lease.milliseconds])
      return try row.map {
        ShardClaim(job: id, shard: shard, owner: owner, attempt: try $0["attempts"], lost: try $0["lost"])
      }
    }
  }

  package func renew(_ claim: ShardClaim, for lease: Duration) async throws(StoreError) -> Bool {
    try await database.write(.journal) { db in
      try db.run(
        """
        UPDATE job_shards SET lease_until_ms = now_ms() + $1
        WHERE job = $2 AND shard = $3 AND attempts = $4 AND result IS NULL
        AND EXISTS (SELECT 1 FROM jobs WHERE id = job AND state IN ('queued', 'running'))
        """, [lease.milliseconds, claim.job, claim.shard, claim.attempt]) > 0
    }
  }

  @discardableResult
  package func put(_ result: [UInt8], for shard: Int, of id: String) async throws(StoreError) -> ShardOutcome {
    try await database.write(.journal) { db in
      let stored = try db.run(
        """
        INSERT INTO job_shards (job, shard, result) VALUES ($1, $2, $3)
        ON CONFLICT (job, shard) DO UPDATE SET result = excluded.result, owner = NULL WHERE job_shards.result IS NULL
        """, [id, shard, result])
      if stored > 0 { return .stored }
      let known: [UInt8]? = try db.row("SELECT result FROM job_shards WHERE job = $1 AND shard = $2", [id, shard])?[
        "result"]
      return .known(isSame: known == result)
    }
  }

  package func release(_ claim: ShardClaim) async throws(StoreError) {
    try await database.write(.journal) { db in
      try db.run(
        """
        UPDATE job_shards SET owner = NULL, lease_until_ms = 0
        WHERE job = $1 AND shard = $2 AND attempts = $3 AND result IS NULL
        """, [claim.job, claim.shard, claim.attempt])
    }
  }

  /// The results so far, by shard.
  package func shards(of id: String) async throws(StoreError) -> [Int: [UInt8]] {
    try await database.read { db in
      let rows = try db.rows("SELECT shard, result FROM job_shards WHERE job = $1 AND result IS NOT NULL", [id])
      return Dictionary(try rows.map { (try $0["shard"] as Int, try $0["result"] as [UInt8]) }) { first, _ in first }
    }
  }

  /// - Returns: whether the job changed.
  private static func noted(_ changed: Int, _ id: String, _ db: any SqlSession) throws -> Bool {
    guard changed > 0 else { return false }
    try ChangeLog.note(.job, id, db)
    return true
  }

  private static func job(_ row: SqlRow) throws -> Job {
    var job = Job(
      id: try row["id"], kind: try row["kind"], subject: try row["subject"], spec: try row["spec"],
      createdBy: try row["created_by"])
    job.state = Job.State(rawValue: try row["state"]) ?? .failed
    job.message = try row["message"]
    job.createdMilliseconds = try row["created_ms"]
    job.spentMilliseconds = try row["spent_ms"]
    return job
  }
}

extension Duration {
  fileprivate var milliseconds: Int64 { Int64(self / .milliseconds(1)) }
}
