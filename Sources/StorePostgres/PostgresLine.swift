import DitherBasics
import DitherStore
import Glibc
import Synchronization

/// Known to all lines to a database: whether there was no way to it a moment ago. So a server that is away costs those
/// who ask no more than one attempt a second between them.
final class PostgresGate: Sendable {
  private let closed = Mutex<(failure: PostgresFailure, at: ContinuousClock.Instant)?>(nil)
  private static let pause = Duration.seconds(1)

  func check() throws(PostgresFailure) {
    let failure = closed.withLock { closed in
      closed.flatMap { ContinuousClock.now - $0.at < Self.pause ? $0.failure : nil }
    }
    if let failure { throw failure }
  }

  func close(_ failure: PostgresFailure) { closed.withLock { $0 = (failure, .now) } }
  func open() { closed.withLock { $0 = nil } }
}

/// A thread's way to a database: a session, made again when it was lost.
final class PostgresLine {
  let address: PostgresAddress
  private let patience: Duration
  private let gate: PostgresGate
  private var session: PostgresSession?

  /// Tries of one piece of work.
  private static let mostTries = 12

  init(_ address: PostgresAddress, patience: Duration, _ gate: PostgresGate) {
    self.address = address
    self.patience = patience
    self.gate = gate
  }

  func open() throws(PostgresFailure) -> PostgresSession {
    if let session { return session }
    try gate.check()
    do {
      let made = try PostgresSession(address, patience: patience)
      gate.open()
      session = made
      return made
    } catch {
      gate.close(error)
      throw error
    }
  }

  func close() {
    session = nil
    isListening = false
  }

  /// Whether its session is told of changes.
  private(set) var isListening = false

  /// Asks the server to tell of what comes on a channel.
  func listen(to channel: String) throws(StoreError) {
    do throws(PostgresFailure) {
      try open().all("LISTEN \(channel)")
      isListening = true
    } catch {
      close()
      throw error.fault(address)
    }
  }

  /// How a piece of work is done.
  enum Mode {
    case reading, writing
    /// Tables, before there are any that could be locked.
    case making
    /// Each statement by itself.
    case loose
  }

  /// One transaction, begun anew where others were in its way or its connection was lost.
  func transact<Value>(
    _ mode: Mode, _ body: (any SqlSession) throws -> Value
  ) throws(StoreError) -> Value {
    var tries = 0
    while true {
      do {
        return try once(mode, body)
      } catch let failure as PostgresFailure {
        if failure.endsConnection { close() }
        tries += 1
        guard failure.isPassing, tries < Self.mostTries else { throw failure.fault(address) }
        // Writers that were in each other's way come back at different times.
        if tries > 1 { usleep(UInt32.random(in: 500...1000) << UInt32(min(tries, 6))) }
      } catch {
        throw error as? StoreError
          ?? StoreError(.storage, at: "\(address)", expected: "to do what it was asked", got: "\(error)".clipped())
      }
    }
  }

  private func once<Value>(_ mode: Mode, _ body: (any SqlSession) throws -> Value) throws -> Value {
    let session = try open()
    if mode == .loose { return try body(session) }
    let number: String?, value: Value
    do {
      number = try begin(mode, session)
      value = try body(session)
    } catch {
      if (error as? PostgresFailure)?.endsConnection == true {
        close()
      } else {
        do { try session.all("ROLLBACK") } catch { close() }
      }
      throw error
    }
    do throws(PostgresFailure) { try session.all("COMMIT") } catch {
      close()
      guard error.endsConnection, let number else { throw error }
      // It may have been done all the same: then it must not be done again.
      if try wasCommitted(number) { return value }
      throw error
    }
    return value
  }

  /// - Returns: the number of a transaction that writes, by which its end can be asked for.
  private func begin(_ mode: Mode, _ session: PostgresSession) throws -> String? {
    if mode == .reading || mode == .making {
      try session.all(mode == .reading ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN")
      return nil
    }
    // The lock makes it the only writer of records, before it has seen anything: so what is read is what is written
    // over, and changes are numbered in the order in which they are seen.
    return try session.all(
      """
      BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE changes IN SHARE ROW EXCLUSIVE MODE;
      SELECT pg_current_xact_id()::text AS number
      """
    ).first?["number"]
  }

  private func wasCommitted(_ number: String) throws(PostgresFailure) -> Bool {
    for _ in 0..<5 {
      do {
        let found: String? = try open().rows("SELECT pg_xact_status($1::text::xid8) AS status", [number]).first?[
          "status"]
        switch found {
        case "committed": return true
        case "aborted": return false
        // Its session has not yet noticed that we are gone.
        default: break
        }
      } catch {
        close()
      }
      usleep(200_000)
    }
    throw .unknownEnd
  }
}
