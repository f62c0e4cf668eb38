import DitherBasics
import DitherStore
import Foundation
import Synchronization

/// Follows the changes of a database on a thread and a connection of its own: it is woken by the server
/// (`LISTEN`), and looks every two seconds all the same, as nobody is told of what happened while a connection was
/// away. It keeps a copy of the live tokens for those who cannot wait for a database.
final class PostgresFollower: Sendable {
  private struct State {
    var tokens: LiveTokens
    /// The last change that was seen.
    var newest: Int64
    /// Why it cannot be looked; nil: it can.
    var failure: StoreError?
    var waiters: [UUID: CheckedContinuation<Void, Never>] = [:]
    var isClosed = false
  }

  private let state: Mutex<State>
  private let bell: Bell

  /// Between two looks without being woken.
  private static let pause: Int32 = 2000

  /// - Parameters:
  ///   - listens: whether the server is asked to tell of changes; a pooler of connections may not let it.
  ///   - tokens: as they are now.
  init(_ line: @escaping @Sendable () -> PostgresLine, listens: Bool, tokens: LiveTokens) {
    let bell = Bell()
    self.bell = bell
    state = Mutex(State(tokens: tokens, newest: tokens.number))
    let thread = Thread { [weak self] in
      let line = line()
      while let milliseconds = self?.look(line, listens) {
        // Nobody holds the follower while it waits.
        do throws(PostgresFailure) {
          _ = try line.open().heard(within: milliseconds, orUntil: bell.descriptor)
        } catch {
          line.close()
          bell.wait(milliseconds: Self.pause / 2)
        }
      }
    }
    thread.name = "postgres-follower"
    thread.start()
  }

  deinit { close() }

  /// Ends its thread, as soon as it listens.
  func close() {
    let waiters = state.withLock { state in
      state.isClosed = true
      defer { state.waiters = [:] }
      return state.waiters.values.map { $0 }
    }
    for waiter in waiters { waiter.resume() }
    bell.ring()
  }

  /// The tokens, as they were seen last.
  /// - Returns: nil where nothing has changed since.
  /// - Throws: why it is not known what they are now.
  func live(since number: Int64?) throws(StoreError) -> LiveTokens? {
    try state.withLock { state throws(StoreError) in
      if let failure = state.failure { throw failure }
      return state.tokens.number == number ? nil : state.tokens
    }
  }

  var number: Int64 { state.withLock { $0.tokens.number } }

  /// Takes what its owner has read himself, as after a change of his own.
  func take(_ tokens: LiveTokens) {
    state.withLock { if tokens.number > $0.tokens.number { $0.tokens = tokens } }
  }

  /// Returns when there are changes since `number`, at the next look at the latest, or when the task is cancelled.
  func news(since number: Int64) async {
    let id = UUID()
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isDue = state.withLock { state in
          guard state.newest <= number, !state.isClosed, !Task.isCancelled else { return true }
          state.waiters[id] = continuation
          return false
        }
        if isDue { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
    }
  }

  // MARK: on its thread

  /// - Returns: how long to wait before the next look; nil: it is no longer needed.
  private func look(_ line: PostgresLine, _ listens: Bool) -> Int32? {
    let (number, isClosed) = state.withLock { ($0.tokens.number, $0.isClosed) }
    guard !isClosed else { return nil }
    let result: Result<(LiveTokens?, Int64), StoreError>
    do throws(StoreError) {
      if listens, !line.isListening { try line.listen(to: SqlDialect.channel) }
      result = .success(
        try line.transact(.reading) { (try SqlTokens.live(since: number, $0), try ChangeLog.newest($0)) })
    } catch {
      result = .failure(error)
    }
    let waiters: [CheckedContinuation<Void, Never>] = state.withLock { state in
      switch result {
      case .failure(let failure): state.failure = failure
      case .success(let (tokens, newest)):
        state.failure = nil
        if let tokens, tokens.number > state.tokens.number { state.tokens = tokens }
        state.newest = newest
      }
      defer { state.waiters = [:] }
      return Array(state.waiters.values)
    }
    for waiter in waiters { waiter.resume() }
    return Self.pause
  }
}

/// A pipe that wakes a thread that waits for a socket.
private final class Bell: Sendable {
  let descriptor: Int32
  private let button: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    _ = pipe(&ends)
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (descriptor, button) = (ends[0], ends[1])
  }

  deinit {
    close(descriptor)
    close(button)
  }

  func ring() { _ = write(button, [1], 1) }

  func wait(milliseconds: Int32) {
    var source = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    _ = poll(&source, 1, milliseconds)
  }
}
