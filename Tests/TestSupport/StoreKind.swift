import DitherBasics
import DitherStore
import DitherStorePostgres
import DitherStoreS3
import Foundation
import Testing

/// A kind of store, as suites over several know it: what any of them must do, every one does.
public struct StoreKind: Sendable, CustomTestStringConvertible {
  public let testDescription: String
  private let make: @Sendable (_ path: String, _ uploads: UploadBounds) async throws -> any Store

  private init(
    _ description: String, make: @escaping @Sendable (_ path: String, _ uploads: UploadBounds) async throws -> any Store
  ) {
    testDescription = description
    self.make = make
  }

  /// Opens a store by a name: the same name, once the last one has gone, is the same store.
  public func open(_ path: String, uploads: UploadBounds = UploadBounds()) async throws -> any Store {
    try await make(path, uploads)
  }

  public static let all = engines + (S3Server.isPresent ? [bucket] : [])
  /// One of each engine of records.
  public static let engines = [sqlite] + (PostgresServer.isInstalled ? [postgres] : [])

  public static let sqlite = StoreKind("SQLite and files") { try SqliteStore(directory: $0, uploads: $1) }

  /// Each in a database of its own.
  public static let postgres = StoreKind("PostgreSQL and files") { path, uploads in
    let server = try PostgresServer.shared.get(), name = "t" + Sha256.hash(path.utf8).hex.prefix(20)
    try server.makeDatabase(name)
    var options = PostgresStore.Options()
    options.patience = .seconds(30)
    options.grace = -1
    return try await PostgresStore.open(
      PostgresAddress(server.address(name)), directory: path, uploads: uploads, options: options)
  }

  /// Each in a bucket of its own.
  public static let bucket = StoreKind("SQLite, and files in a bucket") { path, uploads in
    guard let server = S3Server.shared else { throw CocoaError(.fileNoSuchFile) }
    let name = "t" + Sha256.hash(path.utf8).hex.prefix(40)
    let place = try S3Place(parsing: "s3://\(name)?endpoint=\(server.endpoint)", environment: S3Server.environment)
    try await place.makeBucket()
    let store = try SqliteStore(directory: path) { records throws(StoreError) in
      try S3Blobs(place, directory: path, records: records, uploads: uploads)
    }
    try await S3Blobs.claim(for: store)
    return store
  }

  // MARK: what runs over several without being told which

  /// The kind that the servers of a test take which do not say.
  @TaskLocal public static var current: StoreKind = sqlite
}

/// Runs each test of a suite once over each engine of records, one after the other.
public struct EveryEngine: SuiteTrait, TestTrait, TestScoping {
  public var isRecursive: Bool { true }

  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    for kind in StoreKind.engines { try await StoreKind.$current.withValue(kind) { try await function() } }
  }
}

extension Trait where Self == EveryEngine {
  public static var overEveryEngine: Self { EveryEngine() }
}

extension Trait where Self == IssueHandlingTrait {
  /// An issue says over which kind of store it came.
  public static var sayingWhichStore: Self {
    .compactMapIssues { issue in
      var issue = issue
      issue.comments.append("over \(StoreKind.current.testDescription)")
      return issue
    }
  }
}
