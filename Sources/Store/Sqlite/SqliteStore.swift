import DitherBasics
import Foundation

/// The store of one server: records in SQLite, and files beside them. Reads do not wait for writes (write-ahead log).
public final class SqliteStore: Store {
  /// The folder, locked while the store is open.
  public let directory: String
  private let database: StoreDatabase
  private let records: SqliteBlobRecords
  private let files: FileBlobs
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
  public init(
    directory: String, use: Use = .server, uploads: UploadBounds = UploadBounds()
  ) throws(StoreError) {
    do throws(StoreError) { try Files.makeDirectory(directory) } catch {
      throw StoreError(
        .badPlace, at: error.place, expected: error.expected, got: error.got, advice: "say another folder for the state"
      )
    }
    lock = use == .server ? try DirectoryLock(directory) : nil
    database = try StoreDatabase(
      path: directory + "/dither.sqlite", reserve: use == .server ? Reserve(path: directory + "/reserve") : nil)
    self.directory = directory
    records = SqliteBlobRecords(database)
    files = try FileBlobs(directory: directory, records: records, uploads: uploads)
    if use == .server {
      files.removeLeftovers()
      // Whoever held a shard of ours is gone with its process.
      try SqliteJobs(database).endLeases()
      try sweep(olderThan: Self.garbageAge)
    }
  }

  /// Names, versions, aliases and calibrations.
  public var models: any ModelRecords { SqliteModels(database) }
  /// Jobs and the journals of their shards.
  public var jobs: any JobRecords { SqliteJobs(database) }
  /// Callers, with hashed secrets.
  public var tokens: any TokenRecords { SqliteTokens(database) }
  /// Files by their hash.
  public var blobs: any Blobs { files }

  public func changes(since number: Int64) async throws(StoreError) -> StoreChanges {
    try await database.read { try ChangeLog.changes(since: number, $0) }
  }

  public func collectGarbage(olderThan age: Double = garbageAge) async throws(StoreError) {
    try await offload { () throws(StoreError) in try self.sweep(olderThan: age) }
  }

  @discardableResult
  public func release(_ blobs: Set<BlobID>) async throws(StoreError) -> Set<BlobID> {
    try await offload { () throws(StoreError) in
      let gone = try self.records.unreferenced(announcedUpTo: .max).intersection(blobs)
      for blob in gone { try self.files.remove(blob) }
      return gone
    }
  }

  public func unknownFiles() async throws(StoreError) -> Int {
    try await offload { () throws(StoreError) in self.files.stored().subtracting(try self.records.all()).count }
  }

  private func sweep(olderThan age: Double) throws(StoreError) {
    for blob in try records.unreferenced(announcedUpTo: millisecondsNow() - Int64(age * 1000)) {
      try files.remove(blob)
    }
    files.forgetUploads(olderThan: age)
  }
}
