import DitherBasics
import DitherStore
import Synchronization

/// Does the shards of one job: takes them from a queue, claims each on the board, and keeps its claims alive while it
/// computes.
struct Worker: Sendable {
  let job: String
  let work: any ShardedWork
  let board: any JobBoard
  let owner: String
  let lease: Duration
  let pool: ComputePool
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

  /// Until no shard is left that can be had.
  func run() async {
    var hasBegun = false
    // A place is worth one shard at least: else jobs would make room for each other for ever.
    while !isStopped(), !(hasBegun && isToYield()), let shard = queue.withLock({ $0.take() }) {
      do {
        guard let claim = try await board.claim(shard, of: job, by: owner, for: lease) else { continue }
        hasBegun = true
        try await run(claim)
      } catch {
        // A shard that was stopped throws because of it: the job is not broken.
        if !isStopped() { queue.withLock { $0.fail(error) } }
      }
    }
  }

  private func run(_ claim: ShardClaim) async throws {
    let time = queue.withLock { $0.time }, isLost = Mutexed(false)
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
      let result = try await pool.run {
        if claim.isPoisoned { return try work.lost(shard: claim.shard, workers: claim.lost) }
        let turn = turns.take(job)
        defer { turn.end() }
        giveWay()
        return try work.run(shard: claim.shard, within: time) {
          turn.pass()
          return isStopped() || isLost.withLock { $0 }
        }
      }
      try await board.finish(claim, with: result)
    } catch {
      try? await board.release(claim)
      // Another has the shard: what came of it is found there.
      if isLost.withLock({ $0 }), !isStopped() { return }
      throw error
    }
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
