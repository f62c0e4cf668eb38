import DitherJobs
import DitherRobustness

extension AuditRunner {
  /// All shards, as the command line and workers do them: by a queue.
  public func runAll(
    known: [ShardResult] = [], threads: Int = 1, budget: Double = .infinity,
    isCancelled: @escaping @Sendable () -> Bool = { false }, adversarials: (@Sendable (Adversarials) -> Void)? = nil,
    finished: @escaping @Sendable (ShardResult) -> Void = { _ in }
  ) throws -> [ShardResult] {
    let isBounded = budget.isFinite
    return try ShardQueue.runAll(
      order(hasBudget: isBounded), known: Dictionary(uniqueKeysWithValues: known.map { ($0.shard, $0) }),
      threads: threads, budget: isBounded ? budget : nil, finished: finished
    ) { try run($0, within: $1, isCancelled: isCancelled, adversarials: adversarials) }
  }
}
