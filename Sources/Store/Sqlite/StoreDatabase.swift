import DitherBasics
import Foundation
import GRDB

/// The SQLite file, with its errors as this module's own.
struct StoreDatabase: Sendable {
  private let pool: DatabasePool
  private let reserve: Reserve?

  /// - Parameter reserve: room that is given up when there is none for what frees some.
  /// - Throws: `.newer` for a file of a later program, `.corrupt` for one that is damaged.
  init(path: String, reserve: Reserve? = nil) throws(StoreError) {
    self.reserve = reserve
    try Self.keepPrivate(path)
    do {
      pool = try Self.open(path)
    } catch {
      guard error.code == .noSpace, reserve?.release() == true else { throw error }
      pool = try Self.open(path)
    }
  }

  private static func open(_ path: String) throws(StoreError) -> DatabasePool {
    var configuration = Configuration()
    configuration.busyMode = .timeout(5)
    configuration.maximumReaderCount = 4
    configuration.label = "dither"
    do {
      let pool = try DatabasePool(path: path, configuration: configuration)
      try pool.read(check)
      // A row that was answered for must outlive the machine's power, not only the process.
      try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
      try Migrations.all.migrate(pool)
      return pool
    } catch {
      throw fault(error)
    }
  }

  /// Before anything is changed.
  private static func check(_ db: Database) throws {
    if try Migrations.all.hasBeenSuperseded(db) {
      let known = Set(Migrations.all.migrations)
      let steps = try Migrations.all.appliedIdentifiers(db).subtracting(known).sorted()
      throw StoreError(
        .newer, at: "the state directory's database",
        expected: "a schema up to '\(Migrations.all.migrations.last ?? "")'",
        got: "one with '\(steps.joined(separator: "', '").clipped())'",
        advice: "start the program that made it, or restore a copy from before")
    }
    let found = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") ?? "nothing"
    guard found == "ok" else {
      throw StoreError(
        .corrupt, at: "the state directory's database", expected: "a whole SQLite file", got: found.clipped(to: 200),
        advice: "restore a copy; the models' files beside it are not touched")
    }
  }

  /// Hashes of tokens, cards and reports are nobody else's; SQLite gives its log the mode of the file.
  private static func keepPrivate(_ path: String) throws(StoreError) {
    _ = try OpenFile(path, O_RDWR | O_CREAT)
    for suffix in ["", "-wal", "-shm"] where Files.exists(path + suffix) { chmod(path + suffix, 0o600) }
  }

  func read<Result>(_ body: (Database) throws -> Result) throws(StoreError) -> Result {
    do { return try pool.read(body) } catch { throw Self.fault(error) }
  }

  /// One transaction.
  /// - Parameter frees: whether it leads to more room on the disk, or must not fail: then it may use the reserve.
  func write<Result>(frees: Bool = false, _ body: (Database) throws -> Result) throws(StoreError) -> Result {
    do {
      let result = try pool.write(body)
      reserve?.restore()
      return result
    } catch {
      let fault = Self.fault(error)
      guard frees, fault.code == .noSpace, reserve?.release() == true else { throw fault }
      do { return try pool.write(body) } catch { throw Self.fault(error) }
    }
  }

  /// As `read`, for a task.
  func read<Value: Sendable>(
    _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(StoreError) -> Value {
    try await offload { () throws(StoreError) in try self.read(body) }
  }

  /// As `write`, for a task.
  func write<Value: Sendable>(
    frees: Bool = false, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(StoreError) -> Value {
    try await offload { () throws(StoreError) in try self.write(frees: frees, body) }
  }

  private static func fault(_ error: any Error) -> StoreError {
    if let known = error as? StoreError { return known }
    let failure = error as? DatabaseError, code = failure?.resultCode
    if code == .SQLITE_FULL || failure?.extendedResultCode == .SQLITE_IOERR_SHMSIZE {
      return StoreError(
        .noSpace, at: "the server's database", expected: "room on the disk", got: "a full disk",
        advice: "remove models or audits that are no longer needed, or free some disk space")
    }
    let isDamaged = code == .SQLITE_CORRUPT || code == .SQLITE_NOTADB
    return StoreError(
      isDamaged ? .corrupt : .storage, at: "the state directory's database", expected: "a working SQLite file",
      got: "\(error)".clipped(to: 300),
      advice: isDamaged
        ? "restore a copy; the models' files beside it are not touched"
        : "check the directory's permissions and its disk")
  }
}
