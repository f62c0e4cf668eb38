import Foundation
import Synchronization

/// Threads of our own for work that computes or waits for a disk: never those that tasks run on. Unlike those of
/// PostgreSQL and of a bucket they are there from the start and stay, so that no prediction waits for one to begin.
public final class ComputePool: Sendable {
  private let queue: WorkQueue

  /// - Parameter niceness: above 0, the threads give way to all others.
  public init(_ name: String, threads: Int, niceness: Int32 = 0) {
    let queue = WorkQueue()
    self.queue = queue
    for number in 0..<threads {
      let thread = Thread {
        if niceness > 0 { lowerPriority(by: niceness) }
        while let work = queue.next() { work() }
      }
      thread.name = "\(name)-\(number)"
      thread.stackSize = 4 << 20
      thread.start()
    }
  }

  deinit { queue.close() }

  /// Runs `work` on one of the threads, in the order in which it came.
  public func submit(_ work: @escaping @Sendable () -> Void) { queue.append(work) }

  /// Runs `body` on one of the threads, for a caller that waits without holding one.
  public func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      submit { continuation.resume(with: Swift.Result { try body() }) }
    }
  }
}

/// A first-in-first-out queue that threads wait at.
/// Unchecked: every property but `condition` is only touched with it locked.
private final class WorkQueue: @unchecked Sendable {
  private let condition = NSCondition()
  private var waiting: [@Sendable () -> Void] = []
  private var head = 0
  private var sleepers = 0
  private var isClosed = false

  func append(_ work: @escaping @Sendable () -> Void) {
    condition.lock()
    waiting.append(work)
    let wakes = sleepers > 0
    condition.unlock()
    if wakes { condition.signal() }
  }

  /// - Returns: nil when the queue is closed and empty.
  func next() -> (@Sendable () -> Void)? {
    condition.lock()
    defer { condition.unlock() }
    while head == waiting.count {
      if isClosed { return nil }
      sleepers += 1
      condition.wait()
      sleepers -= 1
    }
    let work = waiting[head]
    head += 1
    if head == waiting.count {
      waiting.removeAll(keepingCapacity: waiting.capacity < 4096)
      head = 0
    } else if head > 1024 {
      waiting.removeFirst(head)
      head = 0
    }
    return work
  }

  func close() {
    condition.lock()
    isClosed = true
    condition.unlock()
    condition.broadcast()
  }
}

/// On Linux, niceness is the calling thread's own.
func lowerPriority(by niceness: Int32) {
  _ = setpriority(__priority_which_t(UInt32(PRIO_PROCESS.rawValue)), 0, niceness)
}
