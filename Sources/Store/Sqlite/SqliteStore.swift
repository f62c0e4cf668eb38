import DitherBasics
import Foundation

/// The store of one server: records in SQLite, and files beside them. Reads do not wait for writes (write-ahead log).
public final class SqliteStore: Store {
  /// The folder, locked while the store is open.
  public let directory: String
  private let database: SqliteDatabase
  private let files: StoredFiles
  /// Held for as long as the store lives, when it was opened by a server.
  private let lock: DirectoryLock?

  /// Whether the store is for the one server, or only looked at beside it.
  public enum Use: Sendable {
    /// The only server of this directory: leftovers of a crash are cleaned away.
    case server
    /// A tool beside a server that may be running.
    case tool
  }

  /// - Parameters:
  ///   - directory: made, for this user only, where it is absent.
  ///   - uploads: bounds on uploads that are not whole.
  /// - Throws: `.inUse` when another server has it, `.newer` or `.corrupt` for a database that is not to be touched,
  ///   `.storage` when it cannot be used.
  public convenience init(
    directory: String, use: Use = .server, uploads: UploadBounds = UploadBounds()
  ) throws(StoreError) {
    try self.init(directory: directory, use: use) { records throws(StoreError) in
      try FileBlobs(directory: directory, records: records, uploads: uploads)
    }
  }

  /// - Parameter make: makes the store's files, which note in the records what they place.
  package init(
    directory: String, use: Use = .server, files make: (SqlBlobRecords) throws(StoreError) -> any KeptBlobs
  ) throws(StoreError) {
    do throws(StoreError) { try Files.makeDirectory(directory) } catch {
      throw StoreError(
        .badPlace, at: error.place, expected: error.expected, got: error.got,
        advice: "name another folder for the state, with --state"
      )
    }
    lock = use == .server ? try DirectoryLock(directory) : nil
    database = try SqliteDatabase(
      path: directory + "/dither.sqlite", reserve: use == .server ? Reserve(path: directory + "/reserve") : nil)
    self.directory = directory
    let records = SqlBlobRecords(database)
    let kept = try make(records)
    files = StoredFiles(kept, records)
    if use == .server {
      try endLeases()
      // Files that are elsewhere are looked after later: nobody waits for a network here.
      guard let blobs = kept as? FileBlobs else { return }
      blobs.removeLeftovers()
      for blob in try database.readHere({ try SqlBlobRecords.unreferenced(for: Self.garbageAge, $0) }) {
        if try database.writeHere(.freeing, { try SqlBlobRecords.forget(blob, for: Self.garbageAge, $0) }) {
          blobs.remove(blob)
        }
      }
      blobs.forgetUploads(olderThan: Self.garbageAge)
    }
  }

  /// Whoever held a shard of a store that nobody else uses is gone with its process.
  private func endLeases() throws(StoreError) {
    let isHeld = try database.readHere {
      try $0.row("SELECT shard FROM job_shards WHERE owner IS NOT NULL AND lease_until_ms > 0 LIMIT 1") != nil
    }
    guard isHeld else { return }
    try database.writeHere(.freeing) {
      _ = try $0.run("UPDATE job_shards SET lease_until_ms = 0 WHERE owner IS NOT NULL", [])
    }
  }

  /// Names, versions, aliases and calibrations.
  public var models: any ModelRecords { SqlModels(database) }
  /// Jobs and the journals of their shards.
  public var jobs: any JobRecords { SqlJobs(database) }
  /// Callers, with hashed secrets.
  public func tokens(by author: String) -> any TokenRecords { SqliteTokens(database, by: author) }
  /// Processes that use it.
  public var replicas: any ReplicaRecords { SqlReplicas(database) }
  /// Deeds, in their order.
  public var trail: any TrailRecords { SqlTrail(database) }
  /// Files by their hash.
  public var blobs: any Blobs { files.files }

  public func changes(since number: Int64) async throws(StoreError) -> StoreChanges {
    try await database.read { try ChangeLog.changes(since: number, $0) }
  }

  public func common(_ name: String, _ proposal: [UInt8]) async throws(StoreError) -> [UInt8] {
    try await SqlCommon(database).content(name, proposal)
  }

  public func collectGarbage(olderThan age: Double = garbageAge) async throws(StoreError) {
    try await files.collectGarbage(olderThan: age)
    database.takeReserve()
  }

  @discardableResult
  public func release(_ blobs: Set<BlobID>) async throws(StoreError) -> Set<BlobID> {
    let released = try await files.release(blobs)
    database.takeReserve()
    return released
  }

  public func unknownFiles() async throws(StoreError) -> Int { try await files.unknown() }
}

/// Tokens that are so near that whoever lets calls in can read them himself.
private struct SqliteTokens: TokenRecords {
  private let database: SqliteDatabase
  private let records: SqlTokens
  init(_ database: SqliteDatabase, by author: String) {
    self.database = database
    records = SqlTokens(database, by: author)
  }

  func create(_ name: String, _ grant: TokenGrant, secret: String) async throws(StoreError) {
    try await records.create(name, grant, secret: secret)
  }
  func rotate(
    _ name: String, secret: String, overlap: Duration, lifetime: Duration?
  ) async throws(StoreError) -> Token {
    try await records.rotate(name, secret: secret, overlap: overlap, lifetime: lifetime)
  }
  func list() async throws(StoreError) -> [Token] { try await records.list() }
  func revoke(_ name: String) async throws(StoreError) { try await records.revoke(name) }
  func live(since number: Int64?) throws(StoreError) -> LiveTokens? {
    try database.readHere { try SqlTokens.live(since: number, $0) }
  }
}
