import ArgumentParser
import DitherBasics
import DitherService
import DitherStore
import DitherStorePostgres
import DitherStoreS3

/// Where a server's records are.
struct StoreOptions: ParsableArguments {
  @Option(
    help: """
      A PostgreSQL database that several servers share, as postgresql://USER@HOST/NAME; the password in PGPASSWORD or \
      ~/.pgpass. (default: SQLite in --state)
      """)
  var database: String?
  @Option(
    help: """
      A bucket for the files of models, which servers share, as s3://BUCKET/PREFIX?endpoint=http://HOST:PORT; who asks in \
      AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. (default: a folder in --state)
      """)
  var blobs: String?

  /// - Parameter directory: the state directory, where the files of models are.
  func open(in directory: String) async throws -> any Store {
    // A tool needs records alone.
    guard let database else { return try SqliteStore(directory: directory, use: .tool) }
    return try await Self.open(database, nil, directory, UploadBounds())
  }

  /// Has a server open what is asked for; without a database it opens its own.
  func configure(_ configuration: inout ServerConfiguration) {
    guard database != nil || blobs != nil else { return }
    let directory = configuration.stateDirectory
    configuration.openStore = { [database, blobs] in try await Self.open(database, blobs, directory, $0) }
  }

  private static func open(
    _ database: String?, _ blobs: String?, _ directory: String, _ uploads: UploadBounds
  ) async throws(StoreError) -> any Store {
    let address: PostgresAddress? = if let database { try PostgresAddress(database) } else { nil }
    guard let blobs else {
      guard let address else { return try SqliteStore(directory: directory, uploads: uploads) }
      return try await PostgresStore.open(address, directory: directory, uploads: uploads)
    }
    let place = try S3Place(parsing: blobs)
    let files: @Sendable (SqlBlobRecords) throws(StoreError) -> any KeptBlobs = { records throws(StoreError) in
      try S3Blobs(place, directory: directory + "/copies", records: records, uploads: uploads)
    }
    let store: any Store
    if let address {
      store = try await PostgresStore.open(address) { records throws(StoreError) in try files(records) }
    } else {
      store = try SqliteStore(directory: directory, files: files)
    }
    try await S3Blobs.claim(for: store)
    return store
  }
}
