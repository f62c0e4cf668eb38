import DitherBasics
import Foundation
import GRDB

/// The SQLite file, with its errors as this module's own.
struct SqliteDatabase: SqlDatabase {
  let dialect = SqlDialect.sqlite
  private let pool: DatabasePool
  private let reserve: Reserve?

  /// - Parameter reserve: room that is given up when there is none for what frees some.
  /// - Throws: `.newer` for a file of a later program, `.corrupt` for one that is damaged.
  init(path: String, reserve: Reserve? = nil) throws(StoreError) {
    self.reserve = reserve
    // Where several come to an empty folder at once, one makes the tables.
    let folder = try OpenFile((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY)
    try folder.waitForLock()
    defer { folder.unlock() }
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
    configuration.prepareDatabase { $0.add(function: clock) }
    do {
      let pool = try DatabasePool(path: path, configuration: configuration)
      try pool.read(check)
      // A row that was answered for must outlive the machine's power, not only the process.
      try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
      try migrator.migrate(pool)
      return pool
    } catch {
      throw fault(error)
    }
  }

  /// The clock of records and leases.
  private static let clock = DatabaseFunction("now_ms", argumentCount: 0) { _ in millisecondsNow() }

  private static var migrator: DatabaseMigrator {
    SqlSchema.steps.reduce(into: DatabaseMigrator()) { migrator, step in
      migrator.registerMigration(step.name) { try $0.execute(sql: SqlDialect.sqlite.schema(step.text)) }
    }
  }

  /// Before anything is changed.
  private static func check(_ db: Database) throws {
    let migrator = migrator
    if try migrator.hasBeenSuperseded(db) {
      let steps = try migrator.appliedIdentifiers(db).subtracting(migrator.migrations).sorted()
      throw StoreError(
        .newer, at: "the state directory's database",
        expected: "a schema up to '\(migrator.migrations.last ?? "")'",
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

  /// Reads of one moment, on the thread that asks.
  func readHere<Value>(_ body: (any SqlSession) throws -> Value) throws(StoreError) -> Value {
    do { return try pool.read { try body(SqliteSession(db: $0)) } } catch { throw Self.fault(error) }
  }

  /// Takes the reserve again where it was given up, before others take the room that was just made.
  func takeReserve() { reserve?.restore(isUrgent: true) }

  /// One transaction, on the thread that asks.
  func writeHere<Value>(
    _ write: SqlWrite = .records, _ body: (any SqlSession) throws -> Value
  ) throws(StoreError) -> Value {
    do {
      let result = try pool.write { try body(SqliteSession(db: $0)) }
      reserve?.restore()
      return result
    } catch {
      let fault = Self.fault(error)
      guard write == .freeing, fault.code == .noSpace, reserve?.release() == true else { throw fault }
      do { return try pool.write { try body(SqliteSession(db: $0)) } } catch { throw Self.fault(error) }
    }
  }

  func read<Value: Sendable>(
    _ body: @escaping @Sendable (any SqlSession) throws -> Value
  ) async throws(StoreError) -> Value {
    try await offload { () throws(StoreError) in try self.readHere(body) }
  }

  @discardableResult
  func write<Value: Sendable>(
    _ write: SqlWrite, _ body: @escaping @Sendable (any SqlSession) throws -> Value
  ) async throws(StoreError) -> Value {
    try await offload { () throws(StoreError) in try self.writeHere(write, body) }
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

/// A transaction of SQLite. Arguments go by name, as `$1` is one there.
private struct SqliteSession: SqlSession {
  let db: Database
  var dialect: SqlDialect { .sqlite }

  func rows(_ sql: String, _ arguments: [any SqlArgument]) throws -> [SqlRow] {
    let statement = try db.cachedStatement(sql: sql), names = statement.columnNames
    return try Row.fetchAll(statement, arguments: Self.named(arguments)).map { row in
      SqlRow(names: names, values: row.databaseValues.map(SqlValue.init))
    }
  }

  func run(_ sql: String, _ arguments: [any SqlArgument]) throws -> Int {
    try db.cachedStatement(sql: sql).execute(arguments: Self.named(arguments))
    return db.changesCount
  }

  private static func named(_ arguments: [any SqlArgument]) -> StatementArguments {
    var values: [String: (any DatabaseValueConvertible)?] = [:]
    for (place, argument) in arguments.enumerated() { values["\(place + 1)"] = argument.sqlValue.databaseValue }
    return StatementArguments(values)
  }
}

extension SqlValue {
  fileprivate init(_ value: DatabaseValue) {
    self =
      switch value.storage {
      case .null: .null
      case .int64(let number): .integer(number)
      case .double(let number): Int64(exactly: number).map(SqlValue.integer) ?? .null
      case .string(let text): .text(text)
      case .blob(let bytes): .bytes([UInt8](bytes))
      }
  }

  fileprivate var databaseValue: DatabaseValue {
    switch self {
    case .null: .null
    case .integer(let number): number.databaseValue
    case .text(let text): text.databaseValue
    case .bytes(let bytes): Data(bytes).databaseValue
    }
  }
}
