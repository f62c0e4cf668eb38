import DitherBasics

/// Jobs and the journals of their shards, in tables.
package struct SqlJobs: JobRecords {
  private let database: any SqlDatabase
  package init(_ database: any SqlDatabase) { self.database = database }

  @discardableResult
  package func create(_ job: Job, blobs: [BlobID], after former: String?) async throws(StoreError) -> Bool {
    try await database.write { db in
      let made = try db.run(
        """
        INSERT INTO jobs (id, kind, subject, spec, state, message, created_ms, created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING
        """,
        [
          job.id, job.kind, job.subject, job.spec, job.state.rawValue, job.message, job.createdMilliseconds,
          job.createdBy,
        ])
      guard try Self.noted(made, job.id, db) else { return false }
      for blob in blobs {
        try db.run("INSERT INTO job_blobs (job, blob) VALUES ($1, $2) ON CONFLICT DO NOTHING", [job.id, blob.hex])
      }
      if let former { try Self.inherit(from: former, job.id, db) }
      return true
    }
  }

  private static func inherit(from former: String, _ id: String, _ db: any SqlSession) throws {
    guard let maker: String = try db.row("SELECT maker FROM jobs WHERE id = $1", [former])?["maker"] else { return }
    // Its maker has the time of a silence to go on.
    try db.run("UPDATE jobs SET maker = $1, alive_ms = now_ms() WHERE id = $2", [maker, id])
    try db.run(
      """
      INSERT INTO job_shards (job, shard, result, maker) SELECT $1, shard, result, maker FROM job_shards
      WHERE job = $2 AND result IS NOT NULL AND lost < $3
      """, [id, former, ShardClaim.mostLost])
  }

  /// - Throws: `.notFound`.
  package func job(_ id: String) async throws(StoreError) -> Job {
    let found = try await database.read { db in
      try db.row("SELECT \(Self.columns) FROM jobs WHERE id = $1", [id]).map(Self.job)
    }
    guard let found else {
      throw StoreError(
        .notFound, at: "audit", expected: "the name of an audit here", got: "'\(id.clipped())'",
        advice: "list the audits to see what is here")
    }
    return found
  }

  package func list(
    kind: String, of model: String?, before place: JobPlace?, limit: Int
  ) async throws(StoreError) -> [Job] {
    try await database.read { db in
      var conditions = ["kind = $1"], arguments: [any SqlArgument] = [kind, limit]
      func argument(_ value: any SqlArgument) -> String {
        arguments.append(value)
        return "$\(arguments.count)"
      }
      // A subject is name@version, or several of them: "A" is the byte behind "@".
      if let model {
        conditions.append("subject >= \(argument("\(model)@")) AND subject < \(argument("\(model)A"))")
      }
      if let place {
        let time = argument(place.createdMilliseconds)
        conditions.append("(created_ms < \(time) OR created_ms = \(time) AND id < \(argument(place.id)))")
      }
      return try db.rows(
        """
        SELECT \(Self.columns) FROM jobs WHERE \(conditions.joined(separator: " AND "))
        ORDER BY created_ms DESC, id DESC LIMIT $2
        """, arguments
      ).map(Self.job)
    }
  }

  /// Jobs that are to be done, oldest first.
  package func unfinished(kind: String) async throws(StoreError) -> [Job] {
    try await database.read { db in
      try db.rows(
        """
        SELECT \(Self.columns) FROM jobs WHERE kind = $1 AND state IN ('queued', 'running') ORDER BY created_ms, id
        """, [kind]
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
      if state.isFinal, changed > 0 { try Self.forgetProgress(of: id, db) }
      return try Self.noted(changed, id, db)
    }
  }

  package func begin(_ id: String, as maker: String, after silence: Duration) async throws(StoreError) -> JobStart {
    try await database.write { db in
      let found = try db.row(
        """
        SELECT state, maker, alive_ms <= now_ms() - $2 AS is_silent FROM jobs
        WHERE id = $1 AND state IN ('queued', 'running')
        """, [id, silence.milliseconds])
      guard let found else { return .ended }
      let former: String = try found["maker"], isOurs = former == maker || former.isEmpty
      guard try isOurs || found["is_silent"] else { return .others }
      if !isOurs {
        try db.run("DELETE FROM job_shards WHERE job = $1", [id])
        try Self.forgetProgress(of: id, db)
        try db.run("UPDATE jobs SET spent_ms = 0 WHERE id = $1", [id])
      }
      try db.run(
        "UPDATE jobs SET state = 'running', maker = $1, alive_ms = now_ms(), message = '' WHERE id = $2", [maker, id])
      // One more who joins is no news to others.
      if try former != maker || found["state"] != Job.State.running.rawValue { try ChangeLog.note(.job, id, db) }
      return isOurs ? .joined : .anew
    }
  }

  @discardableResult
  package func restart(_ id: String, from spec: [UInt8], to next: [UInt8]) async throws(StoreError) -> Bool {
    try await database.write { db in
      guard try db.run("UPDATE jobs SET spec = $1, spent_ms = 0 WHERE id = $2 AND spec = $3", [next, id, spec]) > 0
      else { return false }
      try db.run("DELETE FROM job_shards WHERE job = $1", [id])
      try Self.forgetProgress(of: id, db)
      return true
    }
  }

  package func finish(
    _ id: String, json: [UInt8], html: [UInt8], by maker: String
  ) async throws(StoreError) -> Bool {
    try await database.write { db in
      let changed = try db.run(
        """
        UPDATE jobs SET state = 'done', message = divergence, json = $1, html = $2
        WHERE id = $3 AND maker = $4 AND state IN ('queued', 'running')
        """, [json, html, id, maker])
      if changed > 0 { try Self.forgetProgress(of: id, db) }
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

  package func lay(_ count: Int, of id: String) async throws(StoreError) {
    try await database.write(.journal) { db in
      try db.run(
        """
        WITH RECURSIVE numbers (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM numbers WHERE number < $2)
        INSERT INTO job_shards (job, shard) SELECT $1, number FROM numbers WHERE TRUE ON CONFLICT DO NOTHING
        """, [id, count])
    }
  }

  package func claim(
    _ shards: ClosedRange<Int>, of id: String, by owner: String, for lease: Duration
  ) async throws(StoreError) -> ShardClaim? {
    try await database.write(.journal) { db in
      // Whoever held it before and did not give it back was lost on it.
      let row = try db.rows(
        """
        UPDATE job_shards SET owner = $4, lease_until_ms = now_ms() + $5, attempts = attempts + 1,
          lost = lost + CASE WHEN owner IS NULL THEN 0 ELSE 1 END
        WHERE job = $1 AND shard = (
          SELECT shard FROM job_shards WHERE job = $1 AND shard BETWEEN $2 AND $3 AND result IS NULL
          AND (owner IS NULL OR lease_until_ms <= now_ms()) ORDER BY shard LIMIT 1 \(db.dialect.skippingLocked))
        RETURNING shard, attempts, lost
        """, [id, shards.lowerBound, shards.upperBound, owner, lease.milliseconds]
      ).first
      return try row.map {
        ShardClaim(
          job: id, shard: try $0["shard"], owner: owner, attempt: try $0["attempts"], lost: try $0["lost"])
      }
    }
  }

  package func renew(_ claim: ShardClaim, for lease: Duration) async throws(StoreError) -> Bool {
    try await database.write(.journal) { db in
      // Now and then is enough to be known to be alive.
      try db.run(
        "UPDATE jobs SET alive_ms = now_ms() WHERE id = $1 AND alive_ms < now_ms() - 10000", [claim.job])
      return try db.run(
        """
        UPDATE job_shards SET lease_until_ms = now_ms() + $1
        WHERE job = $2 AND shard = $3 AND attempts = $4 AND result IS NULL
        AND EXISTS (SELECT 1 FROM jobs WHERE id = job AND state IN ('queued', 'running'))
        """, [lease.milliseconds, claim.job, claim.shard, claim.attempt]) > 0
    }
  }

  @discardableResult
  package func put(
    _ result: [UInt8], for shard: Int, of id: String, by maker: String
  ) async throws(StoreError) -> ShardOutcome {
    try await database.write(.journal) { db in
      let stored = try db.run(
        """
        INSERT INTO job_shards (job, shard, result, maker) SELECT id, $2, $3, $4 FROM jobs WHERE id = $1 AND maker = $4
        ON CONFLICT (job, shard) DO UPDATE SET result = excluded.result, maker = excluded.maker, owner = NULL
        WHERE job_shards.result IS NULL
        """, [id, shard, result, maker])
      if stored > 0 { return .stored }
      let known = try db.row("SELECT result, maker FROM job_shards WHERE job = $1 AND shard = $2", [id, shard])
      guard let known, try known["maker"] == maker else { return .foreign }
      return .known(isSame: try known["result"] == result)
    }
  }

  package func diverged(_ result: [UInt8], for shard: Int, of id: String) async throws(StoreError) {
    let came = Sha256.hash(result).hex
    try await database.write { db in
      // Where it was left out, as workers were lost on it, what is kept is no result.
      let known: [UInt8]? = try db.row(
        "SELECT result FROM job_shards WHERE job = $1 AND shard = $2 AND result IS NOT NULL AND lost < $3",
        [id, shard, ShardClaim.mostLost])?["result"]
      guard let known else { return }
      let words = """
        shard \(shard) was done twice with other results (sha256:\(Sha256.hash(known).hex) is kept, sha256:\(came) came \
        later): bad memory, or a defect
        """
      let changed = try db.run(
        """
        UPDATE jobs SET divergence = $1, message = CASE WHEN state = 'done' THEN $1 ELSE message END
        WHERE id = $2 AND divergence = ''
        """, [words, id])
      _ = try Self.noted(changed, id, db)
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

  package func keep(
    _ progress: [UInt8], as name: String, of id: String, by maker: String
  ) async throws(StoreError) {
    try await database.write(.journal) { db in
      try db.run(
        """
        INSERT INTO job_progress (job, name, content) SELECT id, $2, $3 FROM jobs
        WHERE id = $1 AND maker = $4 AND state IN ('queued', 'running')
        ON CONFLICT (job, name) DO UPDATE SET content = excluded.content
        """, [id, name, progress, maker])
    }
  }

  package func kept(_ name: String, of id: String) async throws(StoreError) -> [UInt8]? {
    try await database.read { db in
      try db.row("SELECT content FROM job_progress WHERE job = $1 AND name = $2", [id, name])?["content"]
    }
  }

  private static func forgetProgress(of id: String, _ db: any SqlSession) throws {
    try db.run("DELETE FROM job_progress WHERE job = $1", [id])
  }

  /// The results so far, by shard.
  package func shards(of id: String) async throws(StoreError) -> [Int: [UInt8]] {
    try await database.read { db in
      let rows = try db.rows("SELECT shard, result FROM job_shards WHERE job = $1 AND result IS NOT NULL", [id])
      return Dictionary(try rows.map { (try $0["shard"] as Int, try $0["result"] as [UInt8]) }) { first, _ in first }
    }
  }

  package func done(of id: String) async throws(StoreError) -> Set<Int> {
    try await database.read { db in
      Set(
        try db.rows("SELECT shard FROM job_shards WHERE job = $1 AND result IS NOT NULL", [id])
          .map { try $0["shard"] as Int })
    }
  }

  package func shardCount(of id: String) async throws(StoreError) -> Int? {
    try await database.read { db in
      try db.row("SELECT MAX(shard) AS last FROM job_shards WHERE job = $1", [id])
        .flatMap { try $0["last"] as Int? }
    }
  }

  /// - Returns: whether the job changed.
  private static func noted(_ changed: Int, _ id: String, _ db: any SqlSession) throws -> Bool {
    guard changed > 0 else { return false }
    try ChangeLog.note(.job, id, db)
    return true
  }

  /// Without the reports, which are long.
  private static let columns = "id, kind, subject, spec, state, message, created_ms, spent_ms, created_by"

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
