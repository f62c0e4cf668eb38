import DitherBasics
import DitherDatasets
import DitherJobs

/// A sweep as many do it: a shard is a trial, on each round of its halving.
struct SweepWork: TrainingWork {
  static let kind = "sweep"
  private let shards: SweepShards
  private let sweep: Sweep
  private let data: SharedData
  private let place: TrainingPlace
  let budget: Double? = nil

  init(_ spec: TrainingSpec, in place: TrainingPlace) throws {
    let plan = try SweepPlan(spec.plan)
    self.place = place
    shards = try SweepShards(plan)
    sweep = Sweep(plan, folder: place.folder, root: place.root, workers: 1)
    data = SharedData(place.root)
    // Whoever lacks a set leaves the sweep to others.
    for point in plan.points.indices {
      _ = try data.part(plan.recipe(.init(point: point, seed: plan.seeds[0])), .train)
    }
  }

  var shardCount: Int { shards.count }
  var stages: [Range<Int>] { shards.stages }

  func title(of shard: Int) -> String {
    let round = stages.firstIndex { $0.contains(shard) } ?? 0
    return "trials to epoch \(shards.rungs[round]) of \(shards.rungs.last ?? 0)"
  }

  func run(
    shard: Int, after earlier: [Int: [UInt8]], within time: TimeLeft, isStopped: @escaping @Sendable () -> Bool
  ) throws -> [UInt8] {
    guard let own = try shards.place(of: shard, after: earlier) else { return SweepShards.vacant }
    return try place.going(on: sweep.checkpoint(of: own.trial)) { kept in
      try sweep.train(own.trial, to: own.epochs, known: own.before, data, isStopped, kept: kept).bytes
    }
  }

  /// A trial that ends those who train it stands in the table like one that diverges.
  func lost(shard: Int, after earlier: [Int: [UInt8]], workers: Int) throws -> [UInt8] {
    guard let own = try shards.place(of: shard, after: earlier) else { return SweepShards.vacant }
    return try SweepResult(
      point: own.trial.point, seed: own.trial.seed, epochs: own.epochs, failure: "\(workers) workers were lost on it",
      seconds: own.before?.seconds ?? 0
    ).bytes
  }

  func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool { SweepResult.isSame(one, other) }

  func report(_ results: [[UInt8]]) throws -> (json: [UInt8], html: [UInt8]) {
    let table = try shards.table(Dictionary(uniqueKeysWithValues: results.enumerated().map { ($0.offset, $0.element) }))
    let report = try (json: jsonText(of: table), html: Array(SweepPage(sweep.plan, table).html().utf8))
    place.remove()
    return report
  }
}
