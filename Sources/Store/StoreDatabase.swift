import DitherBasics
import GRDB

/// The SQLite file, with its errors as this module's own.
struct StoreDatabase: Sendable {
  private let pool: DatabasePool

  init(path: String) throws(StoreError) {
    var configuration = Configuration()
    configuration.busyMode = .timeout(5)
    configuration.maximumReaderCount = 4
    configuration.label = "dither"
    do {
      pool = try DatabasePool(path: path, configuration: configuration)
      // A row that was answered for must outlive the machine's power, not only the process.
      try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
      try Migrations.all.migrate(pool)
    } catch {
      throw Self.fault(error)
    }
  }

  func read<Result>(_ body: (Database) throws -> Result) throws(StoreError) -> Result {
    do { return try pool.read(body) } catch { throw Self.fault(error) }
  }

  /// One transaction.
  func write<Result>(_ body: (Database) throws -> Result) throws(StoreError) -> Result {
    do { return try pool.write(body) } catch { throw Self.fault(error) }
  }

  private static func fault(_ error: any Error) -> StoreError {
    if let known = error as? StoreError { return known }
    let code = (error as? DatabaseError)?.resultCode
    return StoreError(
      code == .SQLITE_FULL ? .noSpace : .storage, at: "the state directory's database",
      expected: "a working SQLite file", got: "\(error)".clipped(to: 300),
      advice: code == .SQLITE_FULL ? "free some disk space" : "check the directory's permissions and its disk")
  }
}
