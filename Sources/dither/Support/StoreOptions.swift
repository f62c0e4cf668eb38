import ArgumentParser
import DitherBasics
import DitherService
import DitherStore
import DitherStorePostgres

/// Where a server's records are.
struct StoreOptions: ParsableArguments {
  @Option(
    help: """
      A PostgreSQL database that several servers share, as postgresql://USER@HOST/NAME; the password in PGPASSWORD or \
      ~/.pgpass. (default: SQLite in --state)
      """)
  var database: String?

  /// - Parameter directory: the state directory, where the files of models are.
  func open(in directory: String) async throws -> any Store {
    guard let database else { return try SqliteStore(directory: directory, use: .tool) }
    return try await Self.open(database, directory, UploadBounds())
  }

  /// Has a server open what is asked for; without a database it opens its own.
  func configure(_ configuration: inout ServerConfiguration) {
    guard let database else { return }
    let directory = configuration.stateDirectory
    configuration.openStore = { try await Self.open(database, directory, $0) }
  }

  private static func open(
    _ database: String, _ directory: String, _ uploads: UploadBounds
  ) async throws(StoreError) -> any Store {
    try await PostgresStore.open(PostgresAddress(database), directory: directory, uploads: uploads)
  }
}
