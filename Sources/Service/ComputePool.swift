import Foundation
import Synchronization

/// Threads of our own for work that computes or waits for a disk: never those that tasks run on.
public final class ComputePool: Sendable {
  private let queue: WorkQueue

  /// - Parameters:
  ///   - niceness: above 0, the threads give way to all others.
  ///   - patience: how long one thread stays awake for more work, yielding its core to whoever wants it: waking a thread
  ///     takes as long as a small prediction.
  public init(_ name: String, threads: Int, niceness: Int32 = 0, patience: Duration = .zero) {
    let queue = WorkQueue(patience: patience)
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
/// Unchecked: every property but `condition`, `patience` and `count` is only touched with `condition` locked.
private final class WorkQueue: @unchecked Sendable {
  private let condition = NSCondition()
  private let patience: Duration
  /// What waits, for the thread that stays awake.
  private let count = Atomic(0)
  private var waiting: [@Sendable () -> Void] = []
  private var head = 0
  private var sleepers = 0
  private var hasLookout = false
  private var isClosed = false

  init(patience: Duration) { self.patience = patience }

  func append(_ work: @escaping @Sendable () -> Void) {
    condition.lock()
    waiting.append(work)
    count.add(1, ordering: .relaxed)
    // The thread that is awake looks once more before it sleeps, so the first piece is its own.
    let wakes = sleepers > 0 && !(hasLookout && waiting.count - head == 1)
    condition.unlock()
    if wakes { condition.signal() }
  }

  /// - Returns: nil when the queue is closed and empty.
  func next() -> (@Sendable () -> Void)? {
    condition.lock()
    defer { condition.unlock() }
    var hasLooked = patience == .zero
    while head == waiting.count {
      if isClosed { return nil }
      if !hasLooked, !hasLookout {
        hasLooked = true
        lookOut()
      } else {
        sleepers += 1
        condition.wait()
        sleepers -= 1
      }
    }
    let work = waiting[head]
    head += 1
    count.subtract(1, ordering: .relaxed)
    if head == waiting.count {
      waiting.removeAll(keepingCapacity: waiting.capacity < 4096)
      head = 0
    } else if head > 1024 {
      waiting.removeFirst(head)
      head = 0
    }
    return work
  }

  private func lookOut() {
    hasLookout = true
    condition.unlock()
    let end = ContinuousClock.now + patience
    while count.load(ordering: .relaxed) == 0, ContinuousClock.now < end { sched_yield() }
    condition.lock()
    hasLookout = false
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
