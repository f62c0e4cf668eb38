import DitherBasics
import Foundation
import GRDB

/// Jobs and the journals of their shards, in tables.
struct SqliteJobs: JobRecords {
  private let database: StoreDatabase
  init(_ database: StoreDatabase) { self.database = database }

  /// - Parameter blobs: files that the job needs, kept until it has ended.
  func create(_ job: Job, blobs: [BlobID]) async throws(StoreError) {
    try await database.write { db in
      try db.execute(
        sql: """
          INSERT INTO jobs (id, kind, subject, spec, state, message, created_ms, created_by)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          job.id, job.kind, job.subject, Data(job.spec), job.state.rawValue, job.message, job.createdMilliseconds,
          job.createdBy,
        ])
      try ChangeLog.note(.job, job.id, db)
      for blob in blobs {
        try db.execute(
          sql: "INSERT OR IGNORE INTO job_blobs (job, blob) VALUES (?, ?)", arguments: [job.id, blob.hex])
      }
    }
  }

  /// - Throws: `.notFound`.
  func job(_ id: String) async throws(StoreError) -> Job {
    let found = try await database.read { db in
      try Row.fetchOne(db, sql: "SELECT * FROM jobs WHERE id = ?", arguments: [id]).map(Self.job)
    }
    guard let found else {
      throw StoreError(
        .notFound, at: "audit", expected: "the name of a job here", got: "'\(id.clipped())'", advice: "list them")
    }
    return found
  }

  /// Newest first.
  func list(kind: String, limit: Int) async throws(StoreError) -> [Job] {
    try await database.read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM jobs WHERE kind = ? ORDER BY created_ms DESC, id DESC LIMIT ?",
        arguments: [kind, limit]
      ).map(Self.job)
    }
  }

  /// Jobs that are to be done, oldest first.
  func unfinished(kind: String) async throws(StoreError) -> [Job] {
    try await database.read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM jobs WHERE kind = ? AND state IN ('queued', 'running') ORDER BY created_ms, id",
        arguments: [kind]
      ).map(Self.job)
    }
  }

  /// - Returns: whether the state changed: not when it was final already.
  @discardableResult
  func setState(_ state: Job.State, of id: String, message: String) async throws(StoreError) -> Bool {
    // A job that has ended needs its files no more.
    try await database.write(frees: state.isFinal) { db in
      try db.execute(
        sql: "UPDATE jobs SET state = ?, message = ? WHERE id = ? AND state IN ('queued', 'running')",
        arguments: [state.rawValue, message, id])
      return try noted(id, db)
    }
  }

  /// Begins a job anew: its journal is emptied.
  func restart(_ id: String, spec: [UInt8]) async throws(StoreError) {
    try await database.write { db in
      try db.execute(sql: "DELETE FROM job_shards WHERE job = ?", arguments: [id])
      try db.execute(sql: "UPDATE jobs SET spec = ?, spent_ms = 0 WHERE id = ?", arguments: [Data(spec), id])
    }
  }

  /// Ends a job with its report, in one transaction.
  /// - Returns: whether it was still to be done.
  func finish(_ id: String, json: [UInt8], html: [UInt8]) async throws(StoreError) -> Bool {
    try await database.write { db in
      try db.execute(
        sql: """
          UPDATE jobs SET state = 'done', message = '', json = ?, html = ?
          WHERE id = ? AND state IN ('queued', 'running')
          """, arguments: [Data(json), Data(html), id])
      return try noted(id, db)
    }
  }

  /// The report of a job that is done.
  func report(_ id: String) async throws(StoreError) -> (json: [UInt8], html: [UInt8])? {
    try await database.read { db in
      guard let row = try Row.fetchOne(db, sql: "SELECT json, html FROM jobs WHERE id = ?", arguments: [id]),
        let json = row["json"] as Data?, let html = row["html"] as Data?
      else { return nil }
      return ([UInt8](json), [UInt8](html))
    }
  }

  /// Stores the computing time of a job until now; less than is known already changes nothing.
  func setSpent(milliseconds: Int64, of id: String) async throws(StoreError) {
    try await database.write {
      try $0.execute(sql: "UPDATE jobs SET spent_ms = max(spent_ms, ?) WHERE id = ?", arguments: [milliseconds, id])
    }
  }

  // MARK: the journal

  func claim(
    shard: Int, of id: String, by owner: String, for lease: Duration
  ) async throws(StoreError) -> ShardClaim? {
    try await database.write { db in
      let now = millisecondsNow()
      let row = try Row.fetchOne(
        db,
        sql:
          "SELECT result IS NOT NULL AS done, owner, lease_until_ms, lost FROM job_shards WHERE job = ? AND shard = ?",
        arguments: [id, shard])
      if let row {
        if row["done"] as Bool || row["owner"] as String? != nil && row["lease_until_ms"] as Int64 > now { return nil }
      }
      // Whoever held it before and did not give it back was lost on it.
      let lost = (row?["lost"] ?? 0) + (row?["owner"] as String? == nil ? 0 : 1)
      try db.execute(
        sql: """
          INSERT INTO job_shards (job, shard, owner, lease_until_ms, attempts, lost) VALUES (?1, ?2, ?3, ?4, 1, ?5)
          ON CONFLICT (job, shard) DO UPDATE
          SET owner = ?3, lease_until_ms = ?4, attempts = attempts + 1, lost = ?5
          """, arguments: [id, shard, owner, now + lease.milliseconds, lost])
      let attempt = try Int64.fetchOne(
        db, sql: "SELECT attempts FROM job_shards WHERE job = ? AND shard = ?", arguments: [id, shard])
      return ShardClaim(job: id, shard: shard, owner: owner, attempt: attempt ?? 1, lost: lost)
    }
  }

  func renew(_ claim: ShardClaim, for lease: Duration) async throws(StoreError) -> Bool {
    try await database.write { db in
      try db.execute(
        sql: """
          UPDATE job_shards SET lease_until_ms = ? WHERE job = ? AND shard = ? AND attempts = ? AND result IS NULL
          AND EXISTS (SELECT 1 FROM jobs WHERE id = job AND state IN ('queued', 'running'))
          """, arguments: [millisecondsNow() + lease.milliseconds, claim.job, claim.shard, claim.attempt])
      return db.changesCount > 0
    }
  }

  @discardableResult
  func put(_ result: [UInt8], for shard: Int, of id: String) async throws(StoreError) -> ShardOutcome {
    try await database.write { db in
      let known = try Data.fetchOne(
        db, sql: "SELECT result FROM job_shards WHERE job = ? AND shard = ? AND result IS NOT NULL",
        arguments: [id, shard])
      if let known { return .known(isSame: [UInt8](known) == result) }
      try db.execute(
        sql: """
          INSERT INTO job_shards (job, shard, result) VALUES (?1, ?2, ?3)
          ON CONFLICT (job, shard) DO UPDATE SET result = ?3, owner = NULL
          """, arguments: [id, shard, Data(result)])
      return .stored
    }
  }

  func release(_ claim: ShardClaim) async throws(StoreError) {
    try await database.write { db in
      try db.execute(
        sql: """
          UPDATE job_shards SET owner = NULL, lease_until_ms = 0
          WHERE job = ? AND shard = ? AND attempts = ? AND result IS NULL
          """, arguments: [claim.job, claim.shard, claim.attempt])
    }
  }

  /// Ends all leases of a store that nobody else uses: the holders of its shards are gone.
  func endLeases() throws(StoreError) {
    let isHeld = try database.read { db in
      try Bool.fetchOne(
        db, sql: "SELECT EXISTS (SELECT 1 FROM job_shards WHERE owner IS NOT NULL AND lease_until_ms > 0)")
    }
    guard isHeld == true else { return }
    try database.write(frees: true) {
      try $0.execute(sql: "UPDATE job_shards SET lease_until_ms = 0 WHERE owner IS NOT NULL")
    }
  }

  /// The results so far, by shard.
  func shards(of id: String) async throws(StoreError) -> [Int: [UInt8]] {
    try await database.read { db in
      let rows = try Row.fetchAll(
        db, sql: "SELECT shard, result FROM job_shards WHERE job = ? AND result IS NOT NULL", arguments: [id])
      return Dictionary(
        rows.map { ($0["shard"] as Int, [UInt8]($0["result"] as Data)) }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// - Returns: whether the last statement changed the job.
  private func noted(_ id: String, _ db: Database) throws -> Bool {
    guard db.changesCount > 0 else { return false }
    try ChangeLog.note(.job, id, db)
    return true
  }

  private static func job(_ row: Row) -> Job {
    var job = Job(
      id: row["id"], kind: row["kind"], subject: row["subject"], spec: [UInt8](row["spec"] as Data),
      createdBy: row["created_by"])
    job.state = Job.State(rawValue: row["state"]) ?? .failed
    job.message = row["message"]
    job.createdMilliseconds = row["created_ms"]
    job.spentMilliseconds = row["spent_ms"]
    return job
  }
}

extension Duration {
  fileprivate var milliseconds: Int64 { Int64(self / .milliseconds(1)) }
}
