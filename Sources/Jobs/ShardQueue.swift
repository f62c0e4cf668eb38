import DitherBasics
import Dispatch
import Synchronization

/// The shards of one piece of work as they are given out: which are left, in which order, until the time is over or one
/// has failed. It knows no threads, no clock but its budget's, and no store.
public struct ShardQueue<Shard: Hashable & Sendable>: Sendable {
  /// The rest of the budget.
  public let time: TimeLeft
  /// Why no more are given out.
  public private(set) var failure: (any Error)?
  /// Taken from the end.
  private var left: [Shard]
  private let count: Int
  private var done: Set<Shard>
  private var doneHere = 0
  private let spentBefore: Double
  private let start = ContinuousClock.now

  /// - Parameters:
  ///   - shards: in the order in which they are to be done, each once.
  ///   - done: those whose results are there already.
  ///   - budget: seconds that all of them may take; nil: no bound.
  ///   - spent: seconds of it that were taken before.
  ///   - threads: that take from it side by side.
  public init(
    _ shards: [Shard], done: Set<Shard> = [], budget: Double? = nil, spent: Double = 0, threads: Int = 1
  ) {
    time = TimeLeft(seconds: (budget ?? .infinity) - spent, threads: threads)
    count = shards.count
    self.done = done.intersection(shards)
    left = shards.reversed().filter { !done.contains($0) }
    spentBefore = spent
  }

  /// How many nobody has taken.
  public var waiting: Int { left.count }
  /// Whether every shard is done.
  public var isComplete: Bool { done.count == count }
  /// Seconds, with those from before.
  public var spent: Double { spentBefore + (ContinuousClock.now - start) / .seconds(1) }

  /// The next shard to do; nil when none is left, one has failed, or the time is over.
  public mutating func take() -> Shard? { isOpen ? left.popLast() : nil }

  /// Whether more are given out: none has failed, and the time is not over.
  public var isOpen: Bool { failure == nil && !time.isOver }

  /// A shard is taken that somebody else has given out, as a board that several queues share.
  public mutating func take(_ shard: Shard) { left.removeAll { $0 == shard } }

  /// Shards are done that others have done.
  public mutating func know(_ shards: Set<Shard>) {
    done.formUnion(shards)
    left.removeAll { shards.contains($0) }
  }

  /// How many are done.
  public var doneCount: Int { done.count }

  /// A shard is done.
  /// - Returns: how many are, and an estimate of the seconds that are left; nil while nothing was done here.
  @discardableResult
  public mutating func put(_ shard: Shard) -> (done: Int, secondsLeft: Double?) {
    if done.insert(shard).inserted { doneHere += 1 }
    guard doneHere > 0 else { return (done.count, nil) }
    let pace = (ContinuousClock.now - start) / .seconds(1) / Double(doneHere)
    return (done.count, pace * Double(count - done.count))
  }

  /// A shard that was taken was not done, and is not to blame: the next one takes it.
  public mutating func giveBack(_ shard: Shard) { left.append(shard) }

  /// A shard that was taken has failed. A cancellation after the time is over is none: the shard is left out.
  public mutating func fail(_ error: any Error) {
    if time.isOver, (error as? any AnyFault)?.category == .cancelled { return }
    failure = failure ?? error
  }
}

extension ShardQueue {
  /// Does what is left, on some threads, and waits for it.
  /// - Parameters:
  ///   - known: results from before; their shards are not done again.
  ///   - finished: told of every new result, on any thread, one at a time, in no order.
  /// - Returns: the results, the known ones first. Those of shards that had no time are left out.
  /// - Throws: what the first shard that failed has thrown.
  public static func runAll<Result: Sendable>(
    _ shards: [Shard], known: [Shard: Result] = [:], threads: Int = 1, budget: Double? = nil,
    finished: @escaping @Sendable (Result) -> Void = { _ in },
    run: @escaping @Sendable (Shard, TimeLeft) throws -> Result
  ) throws -> [Result] {
    let queue = ShardQueue(shards, done: Set(known.keys), budget: budget, threads: threads), time = queue.time
    let state = Mutex((queue: queue, results: shards.compactMap { known[$0] }))
    DispatchQueue.concurrentPerform(iterations: max(threads, 1)) { _ in
      while let shard = state.withLock({ $0.queue.take() }) {
        do {
          let result = try run(shard, time)
          state.withLock {
            $0.queue.put(shard)
            $0.results.append(result)
            finished(result)
          }
        } catch {
          state.withLock { $0.queue.fail(error) }
        }
      }
    }
    return try state.withLock { state in
      if let failure = state.queue.failure { throw failure }
      return state.results
    }
  }
}
