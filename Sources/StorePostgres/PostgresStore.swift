import DitherBasics
import DitherStore
import Foundation

/// The store that several servers share: records in PostgreSQL, and files where all of them reach them.
public final class PostgresStore: Store {
  /// How a server uses a database.
  public struct Options: Sendable {
    /// Connections at the same time, beside the one that follows changes.
    public var connections = 4
    /// How long a server may say nothing that was asked something.
    public var patience = Duration.seconds(5)
    /// Whether the server is asked to tell of changes. Without, they are seen within two seconds.
    public var listens = true
    /// Seconds for which a file that no record names is let be: another server may be about to put it on record.
    public var grace = 3600.0
    public init() {}
  }

  /// Where its records are.
  public let address: PostgresAddress
  private let database: PostgresDatabase
  private let follower: PostgresFollower
  private let files: StoredFiles

  /// - Parameters:
  ///   - directory: of the files, made where it is absent: the same folder for every server of the database.
  ///   - uploads: bounds on uploads that are not whole.
  /// - Throws: `.badPlace` and `.away` for a database that cannot be used, `.newer` and `.older` for one of
  ///   another release, `.corrupt`.
  public static func open(
    _ address: PostgresAddress, directory: String, uploads: UploadBounds = UploadBounds(), options: Options = Options()
  ) async throws(StoreError) -> PostgresStore {
    try await open(address, options) { records throws(StoreError) in
      do throws(StoreError) {
        return try FileBlobs(directory: directory, records: records, uploads: uploads)
      } catch {
        throw StoreError(
          .badPlace, at: error.place, expected: error.expected, got: error.got,
          advice: "say another folder for the files")
      }
    }
  }

  /// - Parameter files: makes the store's files, which note in the records what they place.
  package static func open(
    _ address: PostgresAddress, _ options: Options = Options(),
    files: @Sendable (SqlBlobRecords) async throws(StoreError) -> any KeptBlobs
  ) async throws(StoreError) -> PostgresStore {
    let threads = PostgresThreads(address, patience: options.patience, most: max(options.connections, 1))
    let opened: Result<LiveTokens?, StoreError> = await threads.run { line in
      do throws(StoreError) {
        try PostgresSchema.open(line, .never)
        return .success(try line.transact(.reading) { try SqlTokens.live(since: nil, $0) })
      } catch { return .failure(error) }
    }
    let tokens = try opened.get() ?? LiveTokens(byHash: [:], number: 0)
    let database = PostgresDatabase(threads, PostgresLocks(address, patience: options.patience))
    let records = SqlBlobRecords(database)
    let follower = PostgresFollower(
      { PostgresLine(address, patience: options.patience, PostgresGate()) }, listens: options.listens, tokens: tokens)
    return PostgresStore(
      address, database, follower, StoredFiles(try await files(records), records, grace: options.grace))
  }

  private init(
    _ address: PostgresAddress, _ database: PostgresDatabase, _ follower: PostgresFollower, _ files: StoredFiles
  ) {
    self.address = address
    self.database = database
    self.follower = follower
    self.files = files
  }

  /// Brings the tables of an earlier release to this one's, or makes them. No server may be using them.
  /// - Returns: the steps that were taken.
  public static func upgrade(_ address: PostgresAddress) async throws(StoreError) -> [String] {
    let threads = PostgresThreads(address, patience: Options().patience, most: 1)
    let result: Result<[String], StoreError> = await threads.run { line in
      do throws(StoreError) { return .success(try PostgresSchema.open(line, .ifNeeded)) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Whether other servers may be using it.
  public var isShared: Bool { true }
  /// Names, versions, aliases and calibrations.
  public var models: any ModelRecords { SqlModels(database) }
  /// Jobs and the journals of their shards.
  public var jobs: any JobRecords { SqlJobs(database) }
  /// Callers, with hashed secrets.
  public func tokens(by author: String) -> any TokenRecords { PostgresTokens(database, follower, by: author) }
  /// Processes that use it.
  public var replicas: any ReplicaRecords { SqlReplicas(database) }
  /// Deeds, in their order.
  public var trail: any TrailRecords { SqlTrail(database) }
  /// Files by their hash.
  public var blobs: any Blobs { files.files }

  public func changes(since number: Int64) async throws(StoreError) -> StoreChanges {
    try await database.read { try ChangeLog.changes(since: number, $0) }
  }

  public func news(since number: Int64) async { await follower.news(since: number) }

  public func common(_ name: String, _ proposal: [UInt8]) async throws(StoreError) -> [UInt8] {
    try await SqlCommon(database).content(name, proposal)
  }

  public func collectGarbage(olderThan age: Double = garbageAge) async throws(StoreError) {
    try await files.collectGarbage(olderThan: age)
  }

  @discardableResult
  public func release(_ blobs: Set<BlobID>) async throws(StoreError) -> Set<BlobID> { try await files.release(blobs) }

  public func unknownFiles() async throws(StoreError) -> Int { try await files.unknown() }
}

/// Tokens, with a copy for those who cannot wait for a database.
private struct PostgresTokens: TokenRecords {
  private let database: PostgresDatabase
  private let records: SqlTokens
  private let follower: PostgresFollower

  init(_ database: PostgresDatabase, _ follower: PostgresFollower, by author: String) {
    self.database = database
    self.follower = follower
    records = SqlTokens(database, by: author)
  }

  func create(_ name: String, _ grant: TokenGrant, secret: String) async throws(StoreError) {
    try await records.create(name, grant, secret: secret)
    try await see()
  }

  func rotate(
    _ name: String, secret: String, overlap: Duration, lifetime: Duration?
  ) async throws(StoreError) -> Token {
    let token = try await records.rotate(name, secret: secret, overlap: overlap, lifetime: lifetime)
    try await see()
    return token
  }

  func list() async throws(StoreError) -> [Token] { try await records.list() }

  func revoke(_ name: String) async throws(StoreError) {
    try await records.revoke(name)
    try await see()
  }

  func live(since number: Int64?) throws(StoreError) -> LiveTokens? { try follower.live(since: number) }

  /// A change of one's own is seen at once.
  private func see() async throws(StoreError) {
    let number = follower.number
    if let tokens = try await database.read({ try SqlTokens.live(since: number, $0) }) { follower.take(tokens) }
  }
}
