import DitherBasics
import Foundation
import GRDB

/// What a server remembers: models, tokens and jobs in SQLite, and their files beside it.
///
/// Everything here is synchronous and safe from any thread. Reads do not wait for writes (write-ahead log).
public final class Store: Sendable {
  public let directory: String
  public let blobs: BlobStore
  public let models: ModelStore
  public let tokens: TokenStore
  public let jobs: JobStore
  /// Held for as long as the store lives, when it was opened by a server.
  private let lock: DirectoryLock?

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
    let database = try StoreDatabase(path: directory + "/dither.sqlite")
    self.directory = directory
    blobs = try BlobStore(directory: directory)
    models = ModelStore(database)
    tokens = TokenStore(database)
    jobs = JobStore(database)
    if use == .server { try collectGarbage() }
  }

  /// Removes what no row refers to: files that were in place when their transaction was not, and forgotten uploads.
  public func collectGarbage() throws(StoreError) {
    try blobs.collectGarbage(keeping: models.blobs().union(jobs.blobs()))
  }
}

/// The time of a record, in milliseconds since 1970.
public func millisecondsNow() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
