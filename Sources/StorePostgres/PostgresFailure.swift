import DitherBasics
import DitherStore

/// A statement, or a connection, that did not do.
enum PostgresFailure: Error, Equatable {
  /// There is no connection to be had.
  case unreachable(String)
  /// There is no connection to be had with this user and password.
  case notLetIn(String)
  /// The server is too old.
  case unfit(String)
  /// The connection is gone, or the server has been silent for longer than it may be.
  case lost(String)
  /// The connection went while a transaction was being ended, and nobody can say any more how it ended.
  case unknownEnd
  /// The server's answer: its five-character state, and words.
  case refused(state: String, words: String)

  /// Whether the same may do, tried again with a new transaction.
  var isPassing: Bool {
    switch self {
    case .unreachable, .notLetIn, .unfit, .unknownEnd: false
    case .lost: true
    case .refused(let state, _):
      // Others were in its way: a conflict, a deadlock, a name that was taken at the same moment.
      ["40001", "40P01", "23505"].contains(state) || endsConnection
    }
  }

  /// Whether the server can no longer be asked on this connection: it is going down, has thrown us out, or has become
  /// a standby, where nothing can be written.
  var endsConnection: Bool {
    switch self {
    case .lost, .unknownEnd: true
    case .unreachable, .notLetIn, .unfit: false
    case .refused(let state, _):
      ["57P01", "57P02", "57P03", "57P05", "25P03", "25006"].contains(state) || state.hasPrefix("08")
    }
  }

  /// The store's fault that callers hear of.
  /// - Parameter address: of the database.
  func fault(_ address: PostgresAddress) -> StoreError {
    func fault(
      _ code: StoreFault, _ expected: String, _ got: String, _ advice: String, after wait: Int? = nil
    ) -> StoreError {
      StoreError(
        code, at: "\(address)", expected: expected, got: got.trimmedLines.clipped(to: 300), advice: advice,
        retryAfterMilliseconds: wait)
    }
    switch self {
    case .unreachable(let words), .lost(let words):
      return fault(
        .away, "a PostgreSQL server that answers", words,
        "see that it runs and that psql reaches it from here; try again", after: 1000)
    case .notLetIn(let words):
      return fault(
        .badPlace, "a user and a password that it knows", words,
        "say the password in PGPASSWORD or ~/.pgpass, where other users of this machine do not see it")
    case .unfit(let words):
      return fault(.badPlace, "PostgreSQL 13 or a newer one", words, "take a newer server")
    case .unknownEnd:
      return fault(
        .away, "to hear how a transaction ended", "no word from the server",
        "look whether it was done; the same again does no harm", after: 1000)
    case .refused(let state, let words):
      switch state {
      case "53100":
        return fault(.noSpace, "room on its disk", "a full disk", "free some of it, or remove models and audits")
      case "42501":
        return fault(.badPlace, "a user who may do this", words, "grant it, or take a user who owns the database")
      case "40001", "40P01", "55P03":
        return fault(
          .away, "to be let through by other writers", words, "try again", after: 500)
      case _ where endsConnection:
        return fault(.away, "a server that takes changes", words, "try again", after: 1000)
      case _ where state.hasPrefix("22"):
        return fault(.badName, "values that it can keep", words, "leave out what is no text")
      default:
        return fault(
          .storage, "to do what it was asked", "\(words) (\(state))", "look into the log of the server")
      }
    }
  }
}

extension String {
  /// On one line.
  fileprivate var trimmedLines: String {
    split(whereSeparator: \.isNewline).map { String($0.trimmingPrefix(while: \.isWhitespace)) }.joined(separator: "; ")
  }
}
