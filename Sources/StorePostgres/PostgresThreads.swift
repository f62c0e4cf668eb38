import Foundation

/// Threads that talk to libpq, each with a line of its own: none of them is one on which tasks run. They come as they
/// are needed and go, with their connections, when they have been idle for a while; `ComputePool`'s own nothing and
/// stay.
final class PostgresThreads: Sendable {
  private let queue: LineQueue

  /// - Parameters:
  ///   - most: connections at the same time.
  ///   - idle: seconds after which a connection that nobody needs is closed.
  init(_ address: PostgresAddress, patience: Duration, most: Int, idle: Double = 60) {
    queue = LineQueue(most: most, idle: idle) { [gate = PostgresGate()] in
      PostgresLine(address, patience: patience, gate)
    }
  }

  deinit { queue.close() }

  /// Runs `work` on one of the threads, for a caller that waits without holding one. What was begun is ended.
  func run<Value: Sendable>(_ work: @escaping @Sendable (PostgresLine) -> Value) async -> Value {
    await withCheckedContinuation { continuation in begin { continuation.resume(returning: work($0)) } }
  }

  /// Runs `work` on one of the threads, when there is one.
  func begin(_ work: @escaping @Sendable (PostgresLine) -> Void) { queue.append(work) }
}

/// Work that waits for a line, first in, first out.
/// Unchecked: every property but `condition` is only touched with it locked.
private final class LineQueue: @unchecked Sendable {
  typealias Work = @Sendable (PostgresLine) -> Void
  private let condition = NSCondition()
  private let most: Int
  private let idle: Double
  private let make: @Sendable () -> PostgresLine
  private var waiting: [Work] = []
  private var threads = 0
  private var sleepers = 0
  private var isClosed = false

  init(most: Int, idle: Double, make: @escaping @Sendable () -> PostgresLine) {
    self.most = most
    self.idle = idle
    self.make = make
  }

  func append(_ work: @escaping Work) {
    condition.lock()
    defer { condition.unlock() }
    waiting.append(work)
    if sleepers >= waiting.count { return condition.signal() }
    guard threads < most else { return }
    threads += 1
    let thread = Thread { [self] in
      let line = make()
      while let work = next() { work(line) }
    }
    thread.name = "postgres"
    thread.start()
  }

  /// - Returns: nil when the thread is to end.
  private func next() -> Work? {
    condition.lock()
    defer { condition.unlock() }
    while waiting.isEmpty {
      if isClosed { break }
      sleepers += 1
      let isWoken = condition.wait(until: Date(timeIntervalSinceNow: idle))
      sleepers -= 1
      if !isWoken, waiting.isEmpty { break }
    }
    if waiting.isEmpty {
      threads -= 1
      return nil
    }
    return waiting.removeFirst()
  }

  func close() {
    condition.lock()
    isClosed = true
    condition.unlock()
    condition.broadcast()
  }
}
