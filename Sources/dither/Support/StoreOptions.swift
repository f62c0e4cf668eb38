import ArgumentParser
import DitherBasics
import DitherService
import DitherStore
import DitherStorePostgres
import DitherStoreS3
import Foundation

/// Where a server's records are, for tools beside it.
struct StoreOptions: ParsableArguments {
  @Option(
    help: """
      The PostgreSQL database that servers share, as postgresql://USER@HOST/NAME; the password in PGPASSWORD or ~/.pgpass. \
      (default: $DITHER_DATABASE, else SQLite in --state)
      """)
  var database: String?

  /// - Parameter directory: the state directory, where the files of models are.
  func open(in directory: String) async throws -> any Store {
    let said = ProcessInfo.processInfo.environment["DITHER_DATABASE"].flatMap { $0.isEmpty ? nil : $0 }
    // A tool needs records alone.
    guard let database = database ?? said else { return try SqliteStore(directory: directory, use: .tool) }
    return try await PostgresStore.open(PostgresAddress(database), directory: directory, uploads: UploadBounds())
  }
}

/// A store that settings ask for, in place of a server's own.
struct StoreOpening: Sendable {
  private let database: String?
  private let blobs: String?
  private let directory: String

  /// nil: the server opens its own.
  init?(_ configuration: ServerConfiguration) {
    guard configuration.database != nil || configuration.blobs != nil else { return nil }
    (database, blobs) = (configuration.database, configuration.blobs)
    directory = configuration.stateDirectory
  }

  /// - Parameter uploads: bounds on files that have not all come.
  func open(_ uploads: UploadBounds) async throws -> any Store {
    let address: PostgresAddress? = if let database { try PostgresAddress(database) } else { nil }
    guard let blobs else {
      guard let address else { return try SqliteStore(directory: directory, uploads: uploads) }
      return try await PostgresStore.open(address, directory: directory, uploads: uploads)
    }
    let place = try S3Place(parsing: blobs)
    let files: @Sendable (SqlBlobRecords) throws(StoreError) -> any KeptBlobs = {
      [directory] records throws(StoreError) in
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
