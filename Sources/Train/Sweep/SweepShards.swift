import DitherBasics
import Foundation

/// A sweep's trials as shards: the rounds of its halving one after the other, or the one that there is. Rounds have as
/// many places as points may come to them; where trainings diverge, some stay vacant.
public struct SweepShards: Sendable {
  let plan: SweepPlan
  /// Epochs at the ends of the rounds.
  let rungs: [Int]
  /// The shards of each round.
  let stages: [Range<Int>]

  /// The result of a place that no point has come to.
  static let vacant = Array("null\n".utf8)

  /// - Throws: `TrainFault.recipe` where the sweep's halving is no matter of rounds.
  public init(_ plan: SweepPlan) throws {
    if plan.halving?.asynchronous == true {
      throw TrainError(
        .recipe, at: "sweep '\(plan.name)'", expected: "a sweep whose halving is in rounds, as many work on it",
        got: "asynchronous: true", advice: "leave out 'asynchronous', or train it without a database")
    }
    self.plan = plan
    rungs = plan.rungs(of: try plan.recipe(.init(point: 0, seed: plan.seeds[0])).epochs)
    var points = plan.points.count, stages: [Range<Int>] = []
    for _ in rungs {
      let first = stages.last?.upperBound ?? 0
      stages.append(first..<first + points * plan.seeds.count)
      points = plan.halving?.kept(of: points) ?? points
    }
    self.stages = stages
  }

  /// All rounds'.
  var count: Int { stages.last?.upperBound ?? 0 }

  /// One training of a shard.
  struct Place {
    var trial: SweepPlan.Trial
    /// To which it is trained.
    var epochs: Int
    /// On the round before.
    var before: SweepResult?
  }

  /// - Parameter earlier: the results of the rounds before.
  /// - Returns: nil where no point has come to it.
  func place(of shard: Int, after earlier: [Int: [UInt8]]) throws -> Place? {
    guard let round = stages.firstIndex(where: { $0.contains(shard) }) else { return nil }
    var alive = Array(plan.points.indices), known: [SweepPlan.Trial: SweepResult] = [:]
    for stage in stages.prefix(round) {
      known = try results(of: stage, in: earlier)
      alive = plan.survivors(of: alive, known)
    }
    let (place, seed) = (shard - stages[round].lowerBound).quotientAndRemainder(dividingBy: plan.seeds.count)
    guard place < alive.count else { return nil }
    let trial = SweepPlan.Trial(point: alive[place], seed: plan.seeds[seed])
    return Place(trial: trial, epochs: try plan.epochs(of: trial, at: rungs[round]), before: known[trial])
  }

  /// The table of what there is.
  /// - Parameter found: results by shard.
  public func table(_ found: [Int: [UInt8]]) throws -> SweepTable {
    var known: [SweepPlan.Trial: SweepResult] = [:]
    for stage in stages { known.merge(try results(of: stage, in: found)) { $1 } }
    return SweepTable(plan, Array(known.values))
  }

  private func results(of stage: Range<Int>, in found: [Int: [UInt8]]) throws -> [SweepPlan.Trial: SweepResult] {
    var known: [SweepPlan.Trial: SweepResult] = [:]
    for shard in stage {
      guard let bytes = found[shard], bytes != Self.vacant else { continue }
      guard let result = SweepResult.Kept.read(Data(bytes)) else {
        throw TrainError(
          .output, at: "trial \(shard) of '\(plan.name)'", expected: "a result, as it was written",
          got: "something else", advice: "something other than this program has written there")
      }
      known[.init(point: result.point, seed: result.seed)] = result
    }
    return known
  }

  /// Files of the table beside a store's, as a sweep in a folder has them.
  /// - Parameter folder: made where it is absent.
  public func write(_ table: SweepTable, to folder: String) throws {
    try makeTrainingFolder(folder)
    try Sweep.save(table, of: plan, to: folder)
  }
}

extension SweepResult {
  /// As a trial's file and a shard's result have it.
  var bytes: [UInt8] { get throws { try jsonText(of: Kept(self)) } }

  /// Whether two results are the same but for the time that they took.
  static func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    guard var first = Kept.read(Data(one)), var second = Kept.read(Data(other)) else { return one == other }
    (first.seconds, second.seconds) = (0, 0)
    return first == second
  }
}
