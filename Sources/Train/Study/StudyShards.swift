import DitherBasics
import Foundation

/// A study's trainings as shards: those that tune its arms, then the final ones.
public struct StudyShards: Sendable {
  let plan: StudyPlan

  /// The tuning of one arm for one group of cases.
  private struct Tuning {
    var arm: Int, group: String
    var sweep: SweepShards
    /// The first of its trials.
    var first: Int
  }

  /// One training.
  enum Place {
    /// - Parameter shard: within the arm's sweep.
    case tuning(arm: Int, group: String, SweepShards, shard: Int)
    case final(StudyPlan.Trial)
  }

  private let tunings: [Tuning]
  /// The first of the final trainings.
  private let first: Int

  /// - Throws: as the plan does.
  public init(_ plan: StudyPlan) throws {
    self.plan = plan
    var tunings: [Tuning] = [], count = 0
    for group in plan.groups {
      for arm in plan.arms.indices {
        guard let sweep = try plan.sweep(arm, of: group).map({ try SweepShards($0) }) else { continue }
        tunings.append(Tuning(arm: arm, group: group, sweep: sweep, first: count))
        count += sweep.count
      }
    }
    (self.tunings, first) = (tunings, count)
  }

  var count: Int { first + plan.trials.count }
  var stages: [Range<Int>] { [0..<first, first..<count].filter { !$0.isEmpty } }

  /// - Returns: nil where there is no such shard.
  func place(of shard: Int) -> Place? {
    if shard >= first { return shard < count ? .final(plan.trials[shard - first]) : nil }
    return tunings.last { $0.first <= shard }.map {
      .tuning(arm: $0.arm, group: $0.group, $0.sweep, shard: shard - $0.first)
    }
  }

  /// The tables of what tuning has found, by group and arm.
  /// - Parameter found: results by shard.
  func tuned(_ found: [Int: [UInt8]]) throws -> [String: [Int: SweepTable]] {
    var tuned: [String: [Int: SweepTable]] = [:]
    for tuning in tunings {
      let own = found.filter { (tuning.first..<tuning.first + tuning.sweep.count).contains($0.key) }
      tuned[tuning.group, default: [:]][tuning.arm] = try tuning.sweep.table(
        Dictionary(uniqueKeysWithValues: own.map { ($0.key - tuning.first, $0.value) }))
    }
    return tuned
  }

  /// - Throws: where an arm has no point that could be chosen.
  func check(_ tuned: [String: [Int: SweepTable]]) throws {
    for tuning in tunings {
      guard let table = tuned[tuning.group]?[tuning.arm] else { continue }
      try plan.check(table, ofTuning: tuning.arm, of: tuning.group)
    }
  }

  /// The final trainings that there are.
  func results(_ found: [Int: [UInt8]]) throws -> [StudyPlan.Trial: StudyResult] {
    var results: [StudyPlan.Trial: StudyResult] = [:]
    for (place, trial) in plan.trials.enumerated() {
      guard let bytes = found[first + place] else { continue }
      guard let result = StudyResult.read(Data(bytes)), result.seed == trial.seed else {
        throw TrainError(
          .output, at: "training \(place) of '\(plan.name)'", expected: "a result, as it was written",
          got: "something else", advice: "something other than this program has written there")
      }
      results[trial] = result
    }
    return results
  }

  /// The table of what a store has, and its files, as a study in a folder has them.
  /// - Parameters:
  ///   - found: results by shard.
  ///   - study: of the same plan; its folder is made where it is absent.
  public func write(_ found: [Int: [UInt8]], as study: Study) throws -> StudyTable {
    try makeTrainingFolder(study.folder)
    return try study.write(tuned(found), results(found))
  }

  /// The table of what a store has.
  /// - Parameter found: results by shard.
  public func table(_ found: [Int: [UInt8]]) throws -> StudyTable {
    try StudyTable(plan, tuned(found), results(found))
  }

  /// Whether two results of a final training are the same but for the time that it took.
  func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    guard let first = timeless(one), let second = timeless(other) else { return one == other }
    return first == second
  }

  private func timeless(_ bytes: [UInt8]) -> [UInt8]? {
    guard var result = StudyResult.read(Data(bytes)) else { return nil }
    result.seconds = 0
    // A worker that goes on from another's checkpoint does not know the epochs before.
    result.gradientNorms = nil
    for measure in StudyMeasure.timed(among: plan.measures) { result.measures[measure] = nil }
    return try? jsonText(of: result)
  }
}
