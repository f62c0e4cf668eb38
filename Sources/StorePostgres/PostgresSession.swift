import CPostgres
import DitherBasics
import DitherStore
import Glibc

/// A connection to a database, for one thread. It waits for the server, but no longer than its patience: libpq's own
/// calls would wait for ever for one that has gone silent without closing.
final class PostgresSession: SqlSession {
  let dialect = SqlDialect.postgres
  private let connection: OpaquePointer
  /// Milliseconds in which something must come of a server that was asked.
  private let patience: Int32

  /// The oldest that can tell how a transaction ended: 13.
  private static let oldestServer: Int32 = 130_000

  init(_ address: PostgresAddress, patience: Duration) throws(PostgresFailure) {
    self.patience = Int32(clamping: Int64(patience / .milliseconds(1)))
    let seconds = max(2, Int32(clamping: Int64(patience * 0.6 / .seconds(1))))
    guard let made = cpg_connect(address.text, "dither", seconds) else { throw .unreachable("no memory") }
    connection = made
    guard cpg_is_open(made) else {
      let words = String(cString: cpg_message(made))
      throw cpg_password_was_asked(made) ? .notLetIn(words) : .unreachable(words)
    }
    let version = cpg_server_version(made)
    guard version >= Self.oldestServer else { throw .unfit("version \(version / 10_000)") }
    // One that is frozen in the middle of a transaction keeps the others waiting no longer than this.
    let milliseconds = self.patience
    try all(
      """
      SET search_path TO dither; SET idle_in_transaction_session_timeout = \(milliseconds);
      SET lock_timeout = \(milliseconds / 5 * 4); SET statement_timeout = \(max(milliseconds, 60_000))
      """)
  }

  deinit { cpg_close(connection) }

  func rows(_ sql: String, _ arguments: [any SqlArgument]) throws -> [SqlRow] {
    try answer {
      send(sql, arguments)
    } each: {
      try Self.rows($0)
    } ?? []
  }

  func run(_ sql: String, _ arguments: [any SqlArgument]) throws -> Int {
    try answer {
      send(sql, arguments)
    } each: {
      Int(cpg_changed($0))
    } ?? 0
  }

  /// Runs some statements that have no arguments.
  /// - Returns: the rows of the last one.
  @discardableResult
  func all(_ sql: String) throws(PostgresFailure) -> [SqlRow] {
    do {
      return try answer {
        cpg_send_all(connection, sql)
      } each: {
        try Self.rows($0)
      } ?? []
    } catch {
      throw error as? PostgresFailure ?? .lost("\(error)")
    }
  }

  /// Waits until the server has said something by itself, or `wake` is readable.
  /// - Returns: whether there were notifications.
  func heard(within milliseconds: Int32, orUntil wake: Int32) throws(PostgresFailure) -> Bool {
    if cpg_notifications(connection) > 0 { return true }
    var sources = [
      pollfd(fd: cpg_socket(connection), events: Int16(POLLIN), revents: 0),
      pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
    ]
    let count = poll(&sources, nfds_t(sources.count), milliseconds)
    guard count > 0, sources[0].revents != 0 else { return false }
    guard cpg_consume(connection) else { throw lost() }
    return cpg_notifications(connection) > 0
  }

  // MARK: one question

  /// - Parameter each: reads a result; the last one's is returned.
  private func answer<Value>(_ send: () -> Bool, each: (OpaquePointer) throws -> Value) throws -> Value? {
    guard send() else { throw lost() }
    while true {
      let left = cpg_flush(connection)
      guard left >= 0 else { throw lost() }
      if left == 0 { break }
      try wait(for: POLLIN | POLLOUT)
      guard cpg_consume(connection) else { throw lost() }
    }
    var last: Value?, failure: (any Error)?
    while let result = try next() {
      defer { cpg_clear(result) }
      switch Int(cpg_status(result)) {
      case CPG_COMMAND_OK, CPG_TUPLES_OK:
        if failure == nil { do { last = try each(result) } catch { failure = error } }
      default:
        let state = String(cString: cpg_state(result)), words = String(cString: cpg_result_message(result))
        if failure == nil {
          failure = state.isEmpty ? PostgresFailure.lost(words) : PostgresFailure.refused(state: state, words: words)
        }
      }
    }
    if let failure { throw failure }
    return last
  }

  private func next() throws(PostgresFailure) -> OpaquePointer? {
    while cpg_is_busy(connection) {
      try wait(for: POLLIN)
      guard cpg_consume(connection) else { throw lost() }
    }
    return cpg_next(connection)
  }

  private func wait(for events: Int32) throws(PostgresFailure) {
    var source = pollfd(fd: cpg_socket(connection), events: Int16(events), revents: 0)
    while true {
      let count = poll(&source, 1, patience)
      if count > 0 { return }
      guard count < 0, errno == EINTR else { throw .lost("a server that has been silent for \(patience) ms") }
    }
  }

  private func lost() -> PostgresFailure { .lost(String(cString: cpg_message(connection))) }

  // MARK: values

  /// PostgreSQL's numbers of types.
  private enum Kind {
    static let bool: UInt32 = 16, bytes: UInt32 = 17, text: UInt32 = 25
    static let integers: Set<UInt32> = [20, 21, 23], texts: Set<UInt32> = [19, 25, 705, 1042, 1043]
    static let integer: UInt32 = 20, unknown: UInt32 = 0, void: UInt32 = 2278
  }

  private func send(_ sql: String, _ arguments: [any SqlArgument]) -> Bool {
    // All values one behind the other; nil: none.
    var bytes: [UInt8] = [], places: [Int?] = [], lengths: [Int32] = [], types: [UInt32] = []
    func add(_ type: UInt32, _ value: some Collection<UInt8>) {
      places.append(bytes.count)
      lengths.append(Int32(clamping: value.count))
      types.append(type)
      bytes.append(contentsOf: value)
    }
    for argument in arguments {
      switch argument.sqlValue {
      case .null:
        places.append(nil)
        lengths.append(0)
        types.append(Kind.unknown)
      case .integer(let number): add(Kind.integer, withUnsafeBytes(of: number.bigEndian) { Array($0) })
      case .text(let text): add(Kind.text, text.utf8)
      case .bytes(let value): add(Kind.bytes, value)
      }
    }
    bytes.append(0)
    let formats = [Int32](repeating: 1, count: types.count)
    return bytes.withUnsafeBytes { raw in
      let values = places.map { place in
        place.flatMap { raw.baseAddress?.advanced(by: $0).assumingMemoryBound(to: CChar.self) }
      }
      return cpg_send(connection, sql, Int32(types.count), types, values, lengths, formats)
    }
  }

  private static func rows(_ result: OpaquePointer) throws -> [SqlRow] {
    let columns = 0..<cpg_columns(result)
    let names = columns.map { column in cpg_column_name(result, column).map { String(cString: $0) } ?? "" }
    let types = columns.map { cpg_column_type(result, $0) }
    return try (0..<cpg_rows(result)).map { row in
      SqlRow(names: names, values: try columns.map { try value(result, row, $0, types[Int($0)]) })
    }
  }

  private static func value(_ result: OpaquePointer, _ row: Int32, _ column: Int32, _ type: UInt32) throws -> SqlValue {
    guard !cpg_is_null(result, row, column), type != Kind.void else { return .null }
    let raw = UnsafeRawBufferPointer(start: cpg_value(result, row, column), count: Int(cpg_length(result, row, column)))
    if type == Kind.bytes { return .bytes(Array(raw)) }
    if Kind.texts.contains(type) { return .text(String(decoding: raw, as: UTF8.self)) }
    if type == Kind.bool { return .integer(raw.first == 0 ? 0 : 1) }
    guard Kind.integers.contains(type), let first = raw.first else {
      throw StoreError(
        .storage, at: "a column of the database", expected: "a number, a text or bytes", got: "type \(type)")
    }
    // In network order, of two, four or eight bytes.
    let start: Int64 = first >= 0x80 ? -1 : 0
    return .integer(raw.reduce(start) { $0 << 8 | Int64($1) })
  }
}
