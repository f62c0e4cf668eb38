import DitherBasics
import DitherStore
import Synchronization

/// Does the shards of one job: claims one after the other on the board, and keeps its claims alive while it computes.
struct Worker: Sendable {
  let job: String
  let work: any ShardedWork
  /// Shards of the work that can be done now.
  let stage: Range<Int>
  /// The results of the stages before.
  let earlier: [Int: [UInt8]]
  let board: any JobBoard
  let owner: String
  let lease: Duration
  let pool: ComputePool
  /// How far the job has come, and its time.
  let queue: Mutexed<ShardQueue<Int>>
  /// Claims that this process holds now.
  let held: Mutexed<Set<ShardClaim>>
  /// Whether the job is to be left.
  let isStopped: @Sendable () -> Bool
  /// Whether the job is to make room for others, once what has begun is done.
  let isToYield: @Sendable () -> Bool
  /// Where its threads wait for their turn to compute.
  let turns: Turns
  /// Waits while something more urgent runs.
  let giveWay: @Sendable () -> Void
  let progressed: @Sendable (JobProgress) -> Void
  /// A result that should be the one that is there, and is not.
  let diverged: @Sendable (ShardClaim, [UInt8]) async -> Void

  /// Why it does no more shards.
  enum End: Sendable {
    /// It was stopped, a shard has failed, or the time is over.
    case closed
    case yielded
    /// Shards that are left are others'.
    case nothingLeft
  }

  /// Between two questions to a store that is away.
  private static let pause = Duration.milliseconds(500)

  /// Until no shard is left that can be had.
  func run() async -> End {
    guard let last = stage.last else { return .nothingLeft }
    var hasBegun = false
    while !isStopped(), queue.withLock({ $0.isOpen }) {
      // A place is worth one shard at least: else jobs would make room for each other for ever.
      if hasBegun, isToYield() { return .yielded }
      do {
        let claim = try await patiently { () async throws(StoreError) in
          try await board.claim(stage.lowerBound...last, of: job, by: owner, for: lease)
        }
        guard let claim else { return .nothingLeft }
        hasBegun = true
        queue.withLock { $0.take(claim.shard) }
        try await run(claim)
      } catch {
        // A shard that was stopped throws because of it: the job is not broken.
        if !isStopped() { queue.withLock { $0.fail(error) } }
      }
    }
    return .closed
  }

  /// Keeps a claim alive, and known as held, while `body` runs, which is told whether another has it by now.
  func holding<Value: Sendable>(
    _ claim: ShardClaim, _ body: (_ isLost: @escaping @Sendable () -> Bool) async throws -> Value
  ) async throws -> Value {
    let isLost = Mutexed(false)
    let heart = Task {
      while (try? await Task.sleep(for: lease / 3)) != nil {
        // A store that does not answer does not stop the work: its result is brought later, or found there.
        if let stands = try? await board.renew(claim, for: lease), !stands { isLost.withLock { $0 = true } }
      }
    }
    held.withLock { _ = $0.insert(claim) }
    defer {
      heart.cancel()
      held.withLock { _ = $0.remove(claim) }
    }
    do {
      return try await body { isLost.withLock { $0 } }
    } catch {
      try? await board.release(claim)
      throw error
    }
  }

  /// Asks a store that is away again and again: what was computed is not thrown away.
  func patiently<Value: Sendable>(_ ask: () async throws(StoreError) -> Value) async throws -> Value {
    while true {
      do throws(StoreError) { return try await ask() } catch {
        guard error.code == .away, !isStopped() else { throw error }
      }
      try await Task.sleep(for: Self.pause)
    }
  }

  private func run(_ claim: ShardClaim) async throws {
    let outcome = try await holding(claim) { isLost -> ShardOutcome? in
      let result: [UInt8]
      do {
        result = try await pool.run {
          if claim.isPoisoned { return try work.lost(shard: claim.shard, after: earlier, workers: claim.lost) }
          let turn = turns.take(job)
          defer { turn.end() }
          giveWay()
          return try work.run(shard: claim.shard, after: earlier, within: queue.withLock { $0.time }) {
            turn.pass()
            return isStopped() || isLost()
          }
        }
      } catch {
        // Another has the shard: what came of it is found there.
        if isLost(), !isStopped() { return nil }
        throw error
      }
      let outcome = try await patiently { () async throws(StoreError) in
        try await board.finish(claim, with: result)
      }
      if outcome == .known(isSame: false), work.budget == nil { await diverged(claim, result) }
      return outcome
    }
    guard let outcome, outcome != .foreign else { return }
    let (done, secondsLeft) = queue.withLock { $0.put(claim.shard) }
    progressed(
      JobProgress(
        job: job, title: work.title(of: claim.shard), done: done, shards: work.shardCount, secondsLeft: secondsLeft))
  }
}

/// A value behind a lock that several tasks have.
final class Mutexed<Value: Sendable>: Sendable {
  private let value: Mutex<Value>
  init(_ value: Value) { self.value = Mutex(value) }
  func withLock<Result: Sendable>(_ body: (inout sending Value) -> sending Result) -> sending Result {
    value.withLock(body)
  }
}
