import DitherBasics
import DitherJobs
import DitherRobustness
import DitherService
import DitherTensor
import Foundation
import Synchronization

/// The shards of an audit without a server: done here, or here and by other processes that share a journal.
struct LocalAudit {
  let runner: AuditRunner
  /// Gets what attacks made.
  let folder: AdversarialFolder?
  private let threads = ProcessInfo.processInfo.activeProcessorCount

  private static let sameProgram = "go on with that program"
  private static let sameClass = "go on with machines of that kind, or keep all parts to older instructions with --isa"

  init(_ runner: AuditRunner, folder: AdversarialFolder?) {
    self.runner = runner
    self.folder = folder
  }

  /// All of them, by this process alone.
  /// - Parameter budget: seconds; those that had no time are left out.
  func results(budget: Double?) throws -> [ShardResult] {
    let plan = runner.plan, progress = AuditProgress(shards: plan.shards.count)
    defer { progress.close() }
    let adversarials: (@Sendable (Adversarials) -> Void)? =
      if let folder { { @Sendable found in folder.add(found, of: plan) } } else { nil }
    return try ShardQueue.runAll(
      runner.order(hasBudget: budget != nil), threads: threads, budget: budget,
      finished: { progress.show(plan.probes[$0.shard.probe].text) }
    ) { [runner] in try runner.run($0, within: $1, adversarials: adversarials) }
  }

  /// How far an audit has come in a journal.
  struct Standing: Encodable {
    /// As it was said; nil: all.
    var part: String?
    /// Shards of the audit that are done, with those of other parts.
    var shardsDone: Int
    var shards: Int

    var sentence: String {
      let left = shards - shardsDone
      return "part \(part ?? "1/1") is done; \(shardsDone) of \(shards) shards are there, \(left) are others'; "
        + "the same command without --part does what is missing then, and reports"
    }
  }

  /// All that a journal has not, if it is this part's.
  /// - Returns: the results of all, where there is no part; and how many are there.
  func results(journal path: String, part: WorkPart?) throws -> (all: [ShardResult]?, standing: Standing) {
    let journal = try ShardJournal(folder: path, kind: "audit", facts: facts), keeps = folder != nil
    let shards = runner.plan.shards, own = shards.filter { part?.contains($0.index) ?? true }
    let progress = AuditProgress(shards: own.count), plan = runner.plan
    defer { progress.close() }
    let found = try ShardQueue.runAll(
      own, threads: threads,
      finished: { (entry: JournaledShard) in progress.show(plan.probes[entry.result.shard.probe].text) }
    ) { [runner] shard, time in
      // Another process may have brought it meanwhile.
      if let known = Self.entry(journal.result(of: shard.index), of: shard, keeps) { return known }
      let done =
        try keeps ? runner.runKeeping(shard, within: time) : JournaledShard(result: runner.run(shard, within: time))
      try journal.keep(done.bytes(keepsAdversarials: keeps), of: shard.index)
      return done
    }
    let others =
      part == nil ? 0 : shards.count { part?.contains($0.index) == false && journal.result(of: $0.index) != nil }
    let standing = Standing(part: part.map { "\($0)" }, shardsDone: found.count + others, shards: shards.count)
    guard part == nil else { return (nil, standing) }
    for made in found.flatMap(\.made) { try folder?.add(made) }
    return (found.map(\.result), standing)
  }

  /// - Returns: nil where it is not there, or not this shard's.
  private static func entry(_ bytes: [UInt8]?, of shard: Shard, _ keeps: Bool) -> JournaledShard? {
    guard let bytes, let entry = try? JournaledShard(entry: bytes, keepsAdversarials: keeps),
      entry.result.shard == shard
    else { return nil }
    return entry
  }

  private var facts: [ShardJournal.Fact] {
    runner.identity.map { ShardJournal.Fact($0.name, $0.value, remedy: $0.remedy) } + [
      ShardJournal.Fact("program", Dither.code, remedy: Self.sameProgram),
      ShardJournal.Fact("compute class", "\(ComputeClass.current), float32", remedy: Self.sameClass),
      ShardJournal.Fact(
        "adversarial inputs", folder == nil ? "not kept" : "kept",
        remedy: "say --save-adversarials for all parts or none"),
    ]
  }
}
