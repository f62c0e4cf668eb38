import DitherBasics
import Foundation
import GRDB

/// Work that outlives the call that asked for it, and the process.
public struct Job: Sendable, Equatable {
  /// Where a job stands; it moves forward only.
  public enum State: String, Sendable, Codable, CaseIterable {
    case queued, running, done, failed, cancelled
    /// Whether nothing more will happen.
    public var isFinal: Bool { self == .done || self == .failed || self == .cancelled }
  }

  /// Unique in the store.
  public var id: String
  /// What sort of work it is, as "audit".
  public var kind: String
  /// What it is about, as "name@version".
  public var subject: String
  /// JSON: all that is needed to do the work again.
  public var spec: [UInt8]
  /// Where it stands.
  public var state: State
  /// Why it is in its state, where that needs words.
  public var message: String
  /// Since 1970.
  public var createdMilliseconds: Int64
  /// What its shards have taken, as far as it is known.
  public var spentMilliseconds: Int64 = 0
  /// The caller's name.
  public var createdBy: String

  /// - Parameters:
  /// - kind: what it is: "audit".
  /// - subject: what it is about, for lists.
  /// - spec: what is to be done, in the kind's own form.
  public init(id: String, kind: String, subject: String, spec: [UInt8], createdBy: String) {
    self.id = id
    self.kind = kind
    self.subject = subject
    self.spec = spec
    state = .queued
    message = ""
    createdMilliseconds = millisecondsNow()
    self.createdBy = createdBy
  }
}

/// Jobs and the journals of their shards. A final state stays.
public struct JobStore: Sendable {
  private let database: StoreDatabase
  init(_ database: StoreDatabase) { self.database = database }

  /// A new name for a job; later ones sort after earlier ones.
  public static func newID() -> String {
    let chance = randomBytes(5).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    return String(millisecondsNow(), radix: 36) + "-" + String(chance, radix: 36)
  }

  /// - Parameter blobs: files that the job needs, kept until it has ended.
  public func create(_ job: Job, blobs: [BlobID] = []) throws(StoreError) {
    try database.write { db in
      try db.execute(
        sql: """
          INSERT INTO jobs (id, kind, subject, spec, state, message, created_ms, created_by)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          job.id, job.kind, job.subject, Data(job.spec), job.state.rawValue, job.message, job.createdMilliseconds,
          job.createdBy,
        ])
      for blob in blobs {
        try db.execute(
          sql: "INSERT OR IGNORE INTO job_blobs (job, blob) VALUES (?, ?)", arguments: [job.id, blob.hex])
      }
    }
  }

  /// - Throws: `.notFound`.
  public func job(_ id: String) throws(StoreError) -> Job {
    let found = try database.read { db in
      try Row.fetchOne(db, sql: "SELECT * FROM jobs WHERE id = ?", arguments: [id]).map(Self.job)
    }
    guard let found else {
      throw StoreError(
        .notFound, at: "audit", expected: "the name of a job here", got: "'\(id.clipped())'", advice: "list them")
    }
    return found
  }

  /// Newest first.
  public func list(kind: String, limit: Int = 1000) throws(StoreError) -> [Job] {
    try database.read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM jobs WHERE kind = ? ORDER BY created_ms DESC, id DESC LIMIT ?",
        arguments: [kind, limit]
      ).map(Self.job)
    }
  }

  /// Jobs that are to be done, oldest first.
  public func unfinished(kind: String) throws(StoreError) -> [Job] {
    try database.read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM jobs WHERE kind = ? AND state IN ('queued', 'running') ORDER BY created_ms, id",
        arguments: [kind]
      ).map(Self.job)
    }
  }

  /// - Returns: whether the state changed: not when it was final already.
  @discardableResult
  public func setState(_ state: Job.State, of id: String, message: String = "") throws(StoreError) -> Bool {
    // A job that has ended needs its files no more.
    try database.write(frees: state.isFinal) { db in
      try db.execute(
        sql: "UPDATE jobs SET state = ?, message = ? WHERE id = ? AND state IN ('queued', 'running')",
        arguments: [state.rawValue, message, id])
      return db.changesCount > 0
    }
  }

  /// Begins a job anew: its journal is emptied.
  public func restart(_ id: String, spec: [UInt8]) throws(StoreError) {
    try database.write { db in
      try db.execute(sql: "DELETE FROM job_shards WHERE job = ?", arguments: [id])
      try db.execute(sql: "UPDATE jobs SET spec = ?, spent_ms = 0 WHERE id = ?", arguments: [Data(spec), id])
    }
  }

  /// Ends a job with its report, in one transaction.
  /// - Returns: whether it was still to be done.
  public func finish(_ id: String, json: [UInt8], html: [UInt8]) throws(StoreError) -> Bool {
    try database.write { db in
      try db.execute(
        sql: """
          UPDATE jobs SET state = 'done', message = '', json = ?, html = ?
          WHERE id = ? AND state IN ('queued', 'running')
          """, arguments: [Data(json), Data(html), id])
      return db.changesCount > 0
    }
  }

  /// Of a job that is done.
  public func report(_ id: String) throws(StoreError) -> (json: [UInt8], html: [UInt8])? {
    try database.read { db in
      guard let row = try Row.fetchOne(db, sql: "SELECT json, html FROM jobs WHERE id = ?", arguments: [id]),
        let json = row["json"] as Data?, let html = row["html"] as Data?
      else { return nil }
      return ([UInt8](json), [UInt8](html))
    }
  }

  // MARK: the journal

  /// Keeps a shard's result. The first one stays, so that a shard done twice changes nothing.
  public func append(shard: Int, _ result: [UInt8], to id: String) throws(StoreError) {
    try database.write {
      try $0.execute(
        sql: "INSERT OR IGNORE INTO job_shards (job, shard, result) VALUES (?, ?, ?)",
        arguments: [id, shard, Data(result)])
    }
  }

  /// What a job has taken until now; less than is known already changes nothing.
  public func setSpent(milliseconds: Int64, of id: String) throws(StoreError) {
    try database.write {
      try $0.execute(sql: "UPDATE jobs SET spent_ms = max(spent_ms, ?) WHERE id = ?", arguments: [milliseconds, id])
    }
  }

  /// The results so far, by shard.
  public func shards(of id: String) throws(StoreError) -> [Int: [UInt8]] {
    try database.read { db in
      let rows = try Row.fetchAll(db, sql: "SELECT shard, result FROM job_shards WHERE job = ?", arguments: [id])
      return Dictionary(
        rows.map { ($0["shard"] as Int, [UInt8]($0["result"] as Data)) }, uniquingKeysWith: { first, _ in first })
    }
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
