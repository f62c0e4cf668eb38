import DitherBasics
import Foundation
import GRDB

/// What a server remembers: models, tokens and jobs in SQLite, and their files beside it.
///
/// Everything here is synchronous and safe from any thread. Reads do not wait for writes (write-ahead log).
public final class Store: Sendable {
  /// The folder, locked while the store is open.
  public let directory: String
  /// Files by their hash.
  public let blobs: BlobStore
  /// Names, versions, aliases, calibrations.
  public let models: ModelStore
  /// Callers, with hashed secrets.
  public let tokens: TokenStore
  /// Audits and their journals.
  public let jobs: JobStore
  /// Held for as long as the store lives, when it was opened by a server.
  private let lock: DirectoryLock?
  private let files: BlobRecords

  /// Whether the store is for the one server, or only looked at beside it.
  public enum Use: Sendable {
    /// The only server of this directory: leftovers of a crash are cleaned away.
    case server
    /// A tool beside a server that may be running.
    case tool
  }

  /// - Parameter directory: made, for this user only, where it is absent.
  /// - Throws: `StoreFault.inUse` when another server has it, `.storage` when it cannot be used.
  public init(directory: String, use: Use = .server) throws(StoreError) {
    try Files.makeDirectory(directory)
    lock = use == .server ? try DirectoryLock(directory) : nil
    let database = try StoreDatabase(
      path: directory + "/dither.sqlite", reserve: use == .server ? Reserve(path: directory + "/reserve") : nil)
    self.directory = directory
    files = BlobRecords(database)
    blobs = try BlobStore(directory: directory, records: files)
    models = ModelStore(database)
    tokens = TokenStore(database)
    jobs = JobStore(database)
    if use == .server {
      blobs.removeLeftovers()
      try collectGarbage()
    }
  }

  /// Removes files that this store placed, that nothing has needed for `age` seconds, and uploads that nobody went on
  /// with. Files that are not on record stay: they may belong to another copy of the database.
  public func collectGarbage(olderThan age: Double = 86_400) throws(StoreError) {
    for blob in try files.unreferenced(announcedUpTo: millisecondsNow() - Int64(age * 1000)) {
      try blobs.remove(blob)
    }
    blobs.forgetUploads(olderThan: age)
  }

  /// Removes at once those of some files that nothing needs any more.
  /// - Returns: which they were.
  @discardableResult
  public func release(_ blobs: some Sequence<BlobID>) throws(StoreError) -> [BlobID] {
    let free = try files.unreferenced(announcedUpTo: .max)
    let gone = blobs.filter(free.contains)
    for blob in gone { try self.blobs.remove(blob) }
    return gone
  }

  /// How many files lie here that no record names: what an empty or an older database does not know.
  public func unknownFiles() throws(StoreError) -> Int { blobs.stored().subtracting(try files.all()).count }
}

/// The time of a record, in milliseconds since 1970.
public func millisecondsNow() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
