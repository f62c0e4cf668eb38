import DitherBasics

/// Work that is done in shards, each a function of its number and of the results of the stages before its own: a shard
/// that was journalled is never done again.
public protocol ShardedWork: Sendable {
  var shardCount: Int { get }
  /// The shards, divided: those of a stage are done when all of the stages before are. One stage, where nothing is
  /// said.
  var stages: [Range<Int>] { get }
  /// The name of the part of the work that a shard belongs to, for progress.
  func title(of shard: Int) -> String
  /// - Parameters:
  ///   - earlier: the results of the stages before the shard's own.
  ///   - time: what is left of the budget; when it is over the work ends, with what it has found or by throwing a
  ///     cancellation.
  ///   - isStopped: asked now and then; the work ends early when it is true, by throwing.
  func run(
    shard: Int, after earlier: [Int: [UInt8]], within time: TimeLeft, isStopped: @escaping @Sendable () -> Bool
  ) throws -> [UInt8]
  /// The result of a shard that nobody came back from.
  /// - Parameters:
  ///   - earlier: the results of the stages before the shard's own.
  ///   - workers: how many were lost on it.
  /// - Throws: where the work makes no sense without it; then the job fails.
  func lost(shard: Int, after earlier: [Int: [UInt8]], workers: Int) throws -> [UInt8]
  /// Whether two results of a shard are the same but for what was measured on the way, as the time that it took. Equal
  /// bytes, where nothing is said.
  func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool
  /// Seconds that its shards may take in all; nil: no bound. What is not done by then is left out.
  var budget: Double? { get }
  /// - Parameter results: of all shards, in order; with a budget, of those that were done, if any.
  func report(_ results: [[UInt8]]) throws -> (json: [UInt8], html: [UInt8])
}

extension ShardedWork {
  public var stages: [Range<Int>] { [0..<shardCount] }
  public func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool { one == other }

  /// The first stage that is not done; where all are, the last.
  func stage(knowing done: Set<Int>) -> Range<Int> {
    stages.first { !done.isSuperset(of: $0) } ?? stages.last ?? 0..<0
  }

  public func lost(shard: Int, after earlier: [Int: [UInt8]], workers: Int) throws -> [UInt8] {
    throw JobError(
      .lost, at: "shard \(shard) (\(title(of: shard)))", expected: "a worker that comes back from it",
      got: "\(workers) that did not", advice: "look into the log for what ended them")
  }
}

/// Faults of jobs and their shards.
public enum JobFault: FaultCode {
  /// A shard ends those who do it.
  case lost
  /// The words for a part of some work are none.
  case part
  /// A journal is of other work, of another program, or of another kind of machine.
  case journal
  /// Two processes have found different results for one shard.
  case divergent
  /// A journal cannot be written.
  case storage

  /// The fault's category, for callers of any door.
  public var category: FaultCategory {
    switch self {
    case .lost: .internalError
    case .part: .invalidArgument
    case .journal: .failedPrecondition
    case .divergent: .dataLoss
    case .storage: .unavailable
    }
  }
}
/// An error of a job.
public typealias JobError = Fault<JobFault>
