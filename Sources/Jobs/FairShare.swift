import DitherBasics
import Foundation
import Synchronization

/// The next to compute among jobs that share a few places: the one that was served least. No thread, clock or lock.
package struct FairShare: Sendable {
  private struct Share {
    /// Seconds on a place.
    var served: Double
    var waiting = 0
  }
  private var free: Int
  private var shares: [String: Share] = [:]

  /// - Parameter places: that compute at the same time.
  package init(places: Int) { free = places }

  /// A thread of a job waits for a place. A job that is new begins as if it had been served like the others: it has
  /// nothing to make up for.
  package mutating func ask(_ job: String) {
    let others = shares.values.map(\.served).min() ?? 0
    shares[job, default: Share(served: others)].waiting += 1
  }

  /// Whether one of the job's threads may take a place now.
  package func isNext(_ job: String) -> Bool { free > 0 && next == job }

  package mutating func take(_ job: String) {
    free -= 1
    shares[job]?.waiting -= 1
  }

  package mutating func giveBack(_ job: String, after seconds: Double) {
    free += 1
    shares[job]?.served += seconds
  }

  /// Whether another job waits that has been served less than this one, with the time of its turn.
  package func isDue(_ job: String, after seconds: Double) -> Bool {
    guard free == 0, let own = shares[job], let next, next != job, let other = shares[next] else { return false }
    return other.served < own.served + seconds
  }

  /// A job has ended.
  package mutating func leave(_ job: String) { shares[job] = nil }

  private var next: String? {
    shares.filter { $0.value.waiting > 0 }.min { ($0.value.served, $0.key) < ($1.value.served, $1.key) }?.key
  }
}

/// Places that threads of several jobs compute on in turns. A thread that has a place asks now and then whether it is
/// another's turn, and waits then until its own comes.
final class Turns: Sendable {
  /// A thread's hold on a place.
  final class Turn: Sendable {
    private let turns: Turns
    private let job: String
    private let since: Mutex<ContinuousClock.Instant>

    fileprivate init(_ turns: Turns, _ job: String) {
      self.turns = turns
      self.job = job
      turns.wait(job)
      since = Mutex(.now)
    }

    /// Lets others go before, where it is their turn.
    func pass() {
      guard turns.haveWaiters else { return }
      // Another thread of the same shard is at it.
      _ = since.withLockIfAvailable { since in
        let seconds = (ContinuousClock.now - since) / .seconds(1)
        guard seconds >= Turns.quantum, turns.handOver(job, after: seconds) else { return }
        since = .now
      }
    }

    func end() { turns.giveBack(job, after: since.withLock { (ContinuousClock.now - $0) / .seconds(1) }) }
  }

  /// Seconds that a turn takes at least.
  fileprivate static let quantum = 0.02

  private let queue: TurnQueue
  private let waiters = Atomic<Int>(0)

  init(places: Int) { queue = TurnQueue(FairShare(places: places)) }

  /// Waits for a place.
  func take(_ job: String) -> Turn { Turn(self, job) }

  /// A job has ended, and none of its threads has a place.
  func leave(_ job: String) { queue.change { $0.leave(job) } }

  fileprivate var haveWaiters: Bool { waiters.load(ordering: .relaxed) > 0 }

  fileprivate func wait(_ job: String) {
    waiters.wrappingAdd(1, ordering: .relaxed)
    queue.wait(job)
    waiters.wrappingSubtract(1, ordering: .relaxed)
  }

  fileprivate func giveBack(_ job: String, after seconds: Double) { queue.change { $0.giveBack(job, after: seconds) } }

  fileprivate func handOver(_ job: String, after seconds: Double) -> Bool {
    let isDue = queue.change { share in
      let isDue = share.isDue(job, after: seconds)
      if isDue { share.giveBack(job, after: seconds) }
      return isDue
    }
    if isDue { wait(job) }
    return isDue
  }
}

/// Unchecked: `share` is only touched with `condition` locked.
private final class TurnQueue: @unchecked Sendable {
  private let condition = NSCondition()
  private var share: FairShare
  init(_ share: FairShare) { self.share = share }

  func wait(_ job: String) {
    condition.lock()
    share.ask(job)
    while !share.isNext(job) { condition.wait() }
    share.take(job)
    condition.unlock()
    // There may be a place for the next one too.
    condition.broadcast()
  }

  func change<Result>(_ body: (inout FairShare) -> Result) -> Result {
    condition.lock()
    defer {
      condition.unlock()
      condition.broadcast()
    }
    return body(&share)
  }
}
