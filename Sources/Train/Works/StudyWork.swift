import DitherBasics
import DitherDatasets
import DitherJobs

/// A study as many do it: a shard is a training, those that tune the arms before the final ones.
struct StudyWork: TrainingWork {
  static let kind = "study"
  private let shards: StudyShards
  private let study: Study
  private let data: SharedData
  private let place: TrainingPlace
  let budget: Double? = nil

  init(_ spec: TrainingSpec, in place: TrainingPlace) throws {
    let plan = try StudyPlan(spec.plan, isQuick: spec.isQuick)
    self.place = place
    shards = try StudyShards(plan)
    study = Study(
      plan, folder: place.folder, root: place.root, workers: 1, command: spec.command, software: spec.code)
    data = SharedData(place.root)
    try plan.tryOut(data)
    // Measures are of the test part: whoever lacks a set leaves the study to others.
    for each in plan.cases.indices {
      let recipe = try plan.recipe(StudyPlan.Trial(arm: 0, place: each, seed: plan.seeds[0]), [])
      _ = try data.part(recipe, .train)
      _ = try data.part(recipe, .test)
    }
    try place.make("final")
  }

  var shardCount: Int { shards.count }
  var stages: [Range<Int>] { shards.stages }

  func title(of shard: Int) -> String {
    if case .tuning(let arm, let group, _, _) = shards.place(of: shard) {
      return study.plan.title(ofTuning: arm, of: group)
    }
    return "final trainings"
  }

  func run(
    shard: Int, after earlier: [Int: [UInt8]], within time: TimeLeft, isStopped: @escaping @Sendable () -> Bool
  ) throws -> [UInt8] {
    switch shards.place(of: shard) {
    case nil: return SweepShards.vacant
    case .tuning(let arm, let group, let sweep, let own)?:
      guard let one = try sweep.place(of: own, after: [:]), let trials = try study.sweep(arm, of: group) else {
        return SweepShards.vacant
      }
      try trials.makeFolder()
      return try place.going(on: trials.checkpoint(of: one.trial)) { kept in
        try trials.train(one.trial, to: one.epochs, known: nil, data, isStopped, kept: kept).bytes
      }
    case .final(let trial)?:
      let tuned = try shards.tuned(earlier)
      try shards.check(tuned)
      let chosen = try study.plan.chosen(for: trial, tuned)
      return try place.going(on: study.checkpoint(of: trial)) { kept in
        try jsonText(of: study.train(trial, chosen, data, isStopped, kept: kept))
      }
    }
  }

  /// A training that ends those who do it stands in the table like one that diverges.
  func lost(shard: Int, after earlier: [Int: [UInt8]], workers: Int) throws -> [UInt8] {
    let words = "\(workers) workers were lost on it"
    switch shards.place(of: shard) {
    case nil: return SweepShards.vacant
    case .tuning(_, _, let sweep, let own)?:
      guard let one = try sweep.place(of: own, after: [:]) else { return SweepShards.vacant }
      return try SweepResult(
        point: one.trial.point, seed: one.trial.seed, epochs: one.epochs, failure: words, seconds: 0
      ).bytes
    case .final(let trial)?:
      let plan = study.plan
      return try jsonText(
        of: StudyResult(
          arm: plan.arms[trial.arm].name, place: plan.cases[trial.place].name, seed: trial.seed,
          chosen: plan.chosen(for: trial, shards.tuned(earlier)), measures: [:], measured: plan.measures.map(\.name),
          failure: words, seconds: 0))
    }
  }

  func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    SweepResult.isSame(one, other) || shards.isSame(one, other)
  }

  func report(_ results: [[UInt8]]) throws -> (json: [UInt8], html: [UInt8]) {
    let found = Dictionary(uniqueKeysWithValues: results.enumerated().map { ($0.offset, $0.element) })
    let tuned = try shards.tuned(found), table = try StudyTable(study.plan, tuned, shards.results(found))
    let report = try (json: jsonText(of: table), html: Array(study.page(table, tuned).html().utf8))
    place.remove()
    return report
  }
}
