import DitherBasics
import DitherDatasets
import DitherInference
import DitherJobs
import Foundation
import Synchronization

/// A sweep that is run: its trials side by side, one thread each, with a file for what each came to. A process that is
/// killed loses at most a minute of each trial that ran; the same command goes on, and ends in the same table.
public struct Sweep: Sendable {
  /// The trials.
  public let plan: SweepPlan
  /// Where results and checkpoints lie; made if it is absent.
  public let folder: String
  /// Where data sets lie.
  public let root: DataRoot
  /// Trials that are trained at once.
  public let workers: Int

  /// Where it stands, told whenever a trial is done.
  public struct Progress: Sendable {
    /// Trials of this round that are done.
    public var done: Int
    /// Trials of this round.
    public var trials: Int
    /// The round's epochs, of the recipe's.
    public var epochs: Int, allEpochs: Int
    /// The time of this round, by its pace.
    public var secondsLeft: Double?
    /// The results so far.
    public var table: SweepTable
  }

  public init(_ plan: SweepPlan, folder: String, root: DataRoot = .standard, workers: Int) {
    (self.plan, self.folder, self.root, self.workers) = (plan, folder, root, workers)
  }

  private struct Stopped: Error {}
  /// Between two times that the table's files are written.
  private static let pause = Duration.seconds(5)

  /// Trains what is not done.
  /// - Parameters:
  ///   - shouldStop: asked between steps.
  ///   - progress: on any thread, one at a time.
  /// - Returns: the table, and whether it is whole.
  /// - Throws: `TrainFault.output` where the folder is of another sweep.
  public func run(
    shouldStop: @escaping @Sendable () -> Bool = { false }, progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) throws -> (table: SweepTable, isWhole: Bool) {
    try open()
    let first = try plan.recipe(.init(point: 0, seed: plan.seeds[0])), rungs = plan.rungs(of: first.epochs)
    let data = SharedData(root)
    var alive = Array(plan.points.indices), known = try results()
    for (number, epochs) in rungs.enumerated() {
      let trials = plan.trials(of: alive), all = known
      let done = Dictionary(
        uniqueKeysWithValues: trials.compactMap { trial in
          known[trial].flatMap { $0.epochs >= epochs || $0.failure != nil ? (trial, $0) : nil }
        })
      let state = Mutex((known: all, done: done.count, start: ContinuousClock.now, here: 0))
      let shown = Mutex(ContinuousClock.now)
      do {
        let found = try ShardQueue.runAll(
          trials, known: done, threads: workers,
          finished: { result in
            let told = state.withLock { state in
              state.known[.init(point: result.point, seed: result.seed)] = result
              state.done += 1
              state.here += 1
              let pace = (ContinuousClock.now - state.start) / .seconds(1) / Double(state.here)
              return Progress(
                done: state.done, trials: trials.count, epochs: epochs, allEpochs: first.epochs,
                secondsLeft: pace * Double(trials.count - state.done),
                table: SweepTable(plan, Array(state.known.values)))
            }
            // The page may be open: it is written anew while trials end, but not at each of many.
            shown.withLock { last in
              guard last.duration(to: .now) > Self.pause else { return }
              try? save(told.table)
              last = .now
            }
            progress(told)
          },
          run: { trial, _ in
            if shouldStop() { throw Stopped() }
            let result = try train(trial, to: epochs, known: all[trial], data, shouldStop)
            try writeWhole(jsonText(of: result), to: "\(folder)/\(trial.name).json")
            return result
          })
        for result in found { known[.init(point: result.point, seed: result.seed)] = result }
      } catch is Stopped {
        let table = SweepTable(plan, Array(try results().values))
        try save(table)
        return (table, false)
      }
      guard number + 1 < rungs.count, let halving = plan.halving else { continue }
      let round = SweepTable(
        plan, alive.flatMap { point in plan.seeds.compactMap { known[.init(point: point, seed: $0)] } })
      let kept = max(1, (alive.count + halving.factor - 1) / halving.factor)
      alive = round.rows.filter { $0.mean != nil }.prefix(kept).map(\.point).sorted()
      if alive.isEmpty { break }
    }
    let table = SweepTable(plan, Array(known.values))
    try save(table)
    return (table, true)
  }

  // MARK: one trial

  private func train(
    _ trial: SweepPlan.Trial, to epochs: Int, known: SweepResult?, _ data: SharedData,
    _ shouldStop: @Sendable () -> Bool
  ) throws -> SweepResult {
    let start = CoreTime.spent, before = known?.seconds ?? 0
    func seconds() -> Double { before + CoreTime.spent - start }
    let recipe = try plan.recipe(trial), all = try data.part(recipe, .train)
    let place = CheckpointPlace("\(folder)/\(trial.name).checkpoint")
    do {
      let trainer = try place.trainer(recipe, all)
      guard try place.train(trainer, to: epochs, shouldStop: shouldStop) else { throw Stopped() }
      let part = try TrainingPart(recipe, all)
      guard let validation = part.validation else { throw Stopped() }
      let found = try Evaluation(Model(trainer.snapshot()), validation, threads: 1)
      if trainer.isDone || epochs >= recipe.epochs { place.clear() }
      return SweepResult(
        point: trial.point, seed: trial.seed, epochs: epochs, validation: found, seconds: seconds())
    } catch let error as TrainError where error.code == .diverged {
      place.clear()
      return SweepResult(
        point: trial.point, seed: trial.seed, epochs: epochs, failure: "\(error)", seconds: seconds())
    }
  }

  // MARK: files

  private func open() throws {
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw TrainError(.output, at: folder, expected: "a folder to write to", got: error.localizedDescription)
    }
    try claimFolder(folder, of: "sweep", plan.identity)
  }

  private func results() throws -> [SweepPlan.Trial: SweepResult] {
    var found: [SweepPlan.Trial: SweepResult] = [:]
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    for trial in plan.trials(of: Array(plan.points.indices)) {
      guard let data = FileManager.default.contents(atPath: "\(folder)/\(trial.name).json") else { continue }
      guard let result = try? decoder.decode(SweepResult.self, from: data), result.point == trial.point,
        result.seed == trial.seed
      else {
        throw TrainError(
          .output, at: "\(folder)/\(trial.name).json", expected: "a trial's result", got: "something else",
          advice: "remove the file: its trial is then trained again")
      }
      found[trial] = result
    }
    return found
  }

  private func save(_ table: SweepTable) throws {
    try writeWhole(jsonText(of: table), to: "\(folder)/\(plan.name).json")
    try writeWhole(Array(table.csv.utf8), to: "\(folder)/\(plan.name).csv")
    try writeWhole(Array(SweepPage(plan, table).html().utf8), to: "\(folder)/\(plan.name).html")
  }
}
