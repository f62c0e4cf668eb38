import DitherBasics
import Foundation
import Logging
import Synchronization

/// Lines of a log on their way to a thread that writes them: who logs never waits for who reads the log. Past a bound
/// lines are lost, and counted.
public final class LogQueue: Sendable {
  private struct State {
    var lines: [@Sendable () -> Void] = []
    var lost = 0
    /// Tells of lost lines where the line behind them goes.
    var report: (@Sendable (Int) -> Void)?
    var isWriting = false
  }
  private let bound: Int
  private let state = Mutex(State())
  private let news = DispatchSemaphore(value: 0)

  /// - Parameter bound: lines that wait.
  public init(bound: Int = 8192) {
    self.bound = bound
    let thread = Thread { [weak self] in while let queue = self { queue.writeNext() } }
    thread.name = "log"
    thread.start()
  }

  func add(_ line: @escaping @Sendable () -> Void, report: @escaping @Sendable (Int) -> Void) {
    let isTaken = state.withLock { state in
      guard state.lines.count < bound else {
        state.lost += 1
        state.report = report
        return false
      }
      state.lines.append(line)
      return true
    }
    if isTaken { news.signal() }
  }

  /// Waits until all lines are written.
  /// - Returns: whether they were within `patience`: not where nobody reads them.
  public func finish(within patience: Duration) async -> Bool {
    let end = ContinuousClock.now + patience
    while state.withLock({ !$0.lines.isEmpty || $0.isWriting }) {
      guard ContinuousClock.now < end else { return false }
      try? await Task.sleep(for: .milliseconds(2))
    }
    return true
  }

  /// All that wait at once. The time-out lets the thread end with its queue.
  private func writeNext() {
    guard news.wait(timeout: .now() + 1) == .success else { return }
    let (lines, lost, report) = state.withLock { state in
      defer {
        state.lines = []
        state.lost = 0
        state.isWriting = true
      }
      return (state.lines, state.lost, state.report)
    }
    for line in lines { line() }
    if lost > 0 { report?(lost) }
    state.withLock { $0.isWriting = false }
  }
}

/// A log that is written by the thread of a queue.
public struct QueuedLog<Inner: LogHandler>: LogHandler {
  private var inner: Inner
  private let queue: LogQueue

  /// - Parameter inner: what writes, and may wait.
  public init(_ inner: Inner, _ queue: LogQueue) {
    self.inner = inner
    self.queue = queue
  }

  /// That of the log within.
  public var logLevel: Logger.Level {
    get { inner.logLevel }
    set { inner.logLevel = newValue }
  }
  /// That of the log within.
  public var metadata: Logger.Metadata {
    get { inner.metadata }
    set { inner.metadata = newValue }
  }
  /// One value of `metadata`.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { inner[metadataKey: key] }
    set { inner[metadataKey: key] = newValue }
  }

  /// Hands the event on, later.
  public func log(event: LogEvent) {
    let inner = inner
    queue.add({ inner.log(event: event) }) { lost in
      var report = event
      report.level = .warning
      report.message = "\(lost) lines were lost: nobody read them"
      report.metadata = nil
      inner.log(event: report)
    }
  }
}
