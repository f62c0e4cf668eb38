import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherJobs
import DitherTensor
import Foundation
import Synchronization

/// The result of one final training.
public struct StudyResult: Codable, Sendable {
  /// Names of the arm and the case.
  public var arm: String, place: String
  /// The trial's.
  public var seed: UInt64
  /// The values that tuning chose, as `--set` says it.
  public var chosen: [String]
  /// By name, those that this task has.
  public var measures: [String: Double]
  /// Names of all that were looked at.
  public var measured: [String]
  /// Why there are none: the training diverged.
  public var failure: String?
  /// Seconds of a core that training took, those of earlier processes with them.
  public var seconds: Double
  /// By epoch, as the training's log has them; nil of one that came before they were kept.
  public var gradientNorms: [Double]?

  /// - Returns: nil where it is none.
  static func read(_ file: Data) -> StudyResult? {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try? decoder.decode(StudyResult.self, from: file)
  }
}

/// A study that is run: sweeps that tune its arms, then the final trainings, side by side, one thread each. A file for
/// what each came to lies in its folder; the same command goes on where a stopped or killed one was.
public struct Study: Sendable {
  /// The trainings and what is asked of them.
  public let plan: StudyPlan
  /// Where results, models and checkpoints lie; made if it is absent.
  public let folder: String
  /// Where data sets lie.
  public let root: DataRoot
  /// Trainings at once.
  public let workers: Int

  /// Where it stands.
  public struct Progress: Sendable {
    /// In words: `tuning noise`, `final trainings`.
    public var stage: String
    /// Trainings of the stage that are done.
    public var done: Int
    /// Trainings of the stage.
    public var of: Int
    /// The time of the stage, by its pace.
    public var secondsLeft: Double?
  }

  /// The command that gives its results again, for the page.
  public let command: String
  /// The program, for the page.
  public let software: String

  public init(
    _ plan: StudyPlan, folder: String, root: DataRoot = .standard, workers: Int, command: String = "dither study",
    software: String = "dither"
  ) {
    (self.plan, self.folder, self.root, self.workers) = (plan, folder, root, workers)
    (self.command, self.software) = (command, software)
  }

  struct Stopped: Error {}

  /// Trains what is not done.
  /// - Parameters:
  ///   - shouldStop: asked between steps.
  ///   - progress: on any thread, one at a time.
  /// - Returns: the tables, and whether they are whole.
  /// - Throws: `TrainFault.output` where the folder is of another study.
  public func run(
    shouldStop: @escaping @Sendable () -> Bool = { false }, progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) throws -> (table: StudyTable, isWhole: Bool) {
    try open()
    try tryOut()
    var tuned: [String: [Int: SweepTable]] = [:]
    for group in plan.groups {
      for arm in plan.arms.indices {
        guard let sweep = try sweep(arm, of: group) else { continue }
        let stage = plan.title(ofTuning: arm, of: group)
        let (table, isWhole) = try sweep.run(
          shouldStop: shouldStop,
          progress: { progress(Progress(stage: stage, done: $0.done, of: $0.trials, secondsLeft: $0.secondsLeft)) })
        tuned[group, default: [:]][arm] = table
        if !isWhole { return try (write(tuned, results()), false) }
        try plan.check(table, ofTuning: arm, of: group)
      }
    }
    let isWhole = try train(tuned, shouldStop, progress)
    return try (write(tuned, results()), isWhole)
  }

  /// The sweep that an arm is tuned by for a group of cases; nil: it has nothing to tune.
  func sweep(_ arm: Int, of group: String) throws -> Sweep? {
    try plan.sweep(arm, of: group).map {
      Sweep($0, folder: "\(folder)/tuning/\(group)/\(plan.arms[arm].name)", root: root, workers: workers)
    }
  }

  /// Before anything is trained.
  private func tryOut() throws {
    if try results().isEmpty { try plan.tryOut(SharedData(root)) }
  }

  /// The table as it stands: NAME.json, NAME.md with its charts and NAME.html in the folder.
  func write(
    _ tuned: [String: [Int: SweepTable]], _ results: [StudyPlan.Trial: StudyResult]
  ) throws -> StudyTable {
    let table = StudyTable(plan, tuned, results), page = page(table, tuned)
    try writeWhole(jsonText(of: table), to: "\(folder)/\(plan.name).json")
    try writeWhole(Array(page.markdown().utf8), to: "\(folder)/\(plan.name).md")
    try writeWhole(Array(page.html().utf8), to: "\(folder)/\(plan.name).html")
    for chart in page.charts() { try writeWhole(Array(chart.svg.utf8), to: "\(folder)/\(chart.name)") }
    return table
  }

  /// The page, which names this machine.
  func page(_ table: StudyTable, _ tuned: [String: [Int: SweepTable]]) -> StudyPage {
    let sitting = RunRecord.Sitting(afterEpochs: 0, software: software, threads: 1)
    let machine = [sitting.processor, sitting.instructions, "\(sitting.cores) cores", software].compactMap { $0 }
    return StudyPage(plan, table, tuned, command: command, machine: machine.joined(separator: ", "))
  }

  private func train(
    _ tuned: [String: [Int: SweepTable]], _ shouldStop: @escaping @Sendable () -> Bool,
    _ progress: @escaping @Sendable (Progress) -> Void
  ) throws -> Bool {
    let names = plan.measures.map(\.name), data = SharedData(root), total = plan.trials.count
    let known = try results().filter { result in
      result.value.failure != nil || Set(names).isSubset(of: result.value.measured)
    }
    let state = Mutex((done: known.count, here: 0)), start = ContinuousClock.now
    do {
      _ = try ShardQueue.runAll(
        plan.trials, known: known, threads: workers,
        finished: { _ in
          let (done, here) = state.withLock { state in
            state.done += 1
            state.here += 1
            return state
          }
          let pace = (ContinuousClock.now - start) / .seconds(1) / Double(here)
          progress(
            Progress(stage: "final trainings", done: done, of: total, secondsLeft: pace * Double(total - done)))
        },
        run: { trial, _ in
          if shouldStop() { throw Stopped() }
          let result = try train(trial, plan.chosen(for: trial, tuned), data, shouldStop)
          try writeWhole(jsonText(of: result), to: path(trial, "json"))
          return result
        })
    } catch is Stopped { return false }
    return true
  }

  // MARK: one training

  private func path(_ trial: StudyPlan.Trial, _ suffix: String) -> String {
    "\(folder)/final/\(plan.name(of: trial)).\(suffix)"
  }

  func checkpoint(of trial: StudyPlan.Trial) -> CheckpointPlace { CheckpointPlace(path(trial, "checkpoint")) }

  /// - Parameter kept: told of each checkpoint.
  func train(
    _ trial: StudyPlan.Trial, _ chosen: [String], _ data: SharedData, _ shouldStop: @Sendable () -> Bool,
    kept: () throws -> Void = {}
  ) throws -> StudyResult {
    let recipe = try plan.recipe(trial, chosen)
    var result = StudyResult(
      arm: plan.arms[trial.arm].name, place: plan.cases[trial.place].name, seed: trial.seed, chosen: chosen,
      measures: [:], measured: plan.measures.map(\.name), seconds: 0)
    let model: Model
    if let before = try self.result(trial), let file = FileManager.default.contents(atPath: path(trial, "onnx")) {
      // Trained, but not measured in all that is asked by now.
      (result.seconds, result.gradientNorms) = (before.seconds, before.gradientNorms)
      model = try Model(Graph(onnx: [UInt8](file)))
    } else {
      let place = checkpoint(of: trial), clock = Seconds(path(trial, "seconds"))
      var norms = GradientNorms(path(trial, "norms"))
      do {
        let trainer = try place.trainer(recipe, data.part(recipe, .train), to: recipe.epochs)
        let isThere = try place.train(
          trainer, to: recipe.epochs, shouldStop: shouldStop,
          kept: {
            try clock.keep()
            try norms.keep()
            try kept()
          }, record: { norms.note($0) })
        guard isThere else { throw Stopped() }
        (result.seconds, result.gradientNorms) = (clock.value, norms.values)
        let graph = try trainer.snapshot()
        try writeWhole(graph.onnx(), to: path(trial, "onnx"))
        model = try Model(graph)
      } catch let error as TrainError where error.code == .diverged {
        result.failure = "\(error)"
        result.seconds = clock.value
        place.clear()
        norms.clear()
        return result
      }
      place.clear()
      clock.clear()
      norms.clear()
    }
    let subject = StudySubject(model, recipe, data, seconds: result.seconds)
    for measure in plan.measures {
      let value = try measure.value(of: subject, result.measures)
      // JSON has no other numbers.
      if let value, value.isFinite { result.measures[measure.name] = value }
    }
    return result
  }

  /// The seconds of a core that a training took, over all processes that worked on it.
  private struct Seconds {
    private let path: String
    private let before: Double
    private let start = CoreTime.spent

    init(_ path: String) {
      self.path = path
      before = FileManager.default.contents(atPath: path).flatMap { Double(String(decoding: $0, as: UTF8.self)) } ?? 0
    }
    var value: Double { before + CoreTime.spent - start }
    func keep() throws { try writeWhole(Array("\(value)".utf8), to: path) }
    func clear() { try? FileManager.default.removeItem(atPath: path) }
  }

  /// The gradients' norms by epoch, over all processes that worked on a training.
  private struct GradientNorms {
    private let path: String
    private(set) var values: [Double]

    init(_ path: String) {
      self.path = path
      values =
        FileManager.default.contents(atPath: path).flatMap { try? JSONDecoder().decode([Double].self, from: $0) } ?? []
    }
    /// An epoch that was begun again takes the place of what was known of it.
    mutating func note(_ record: EpochRecord) {
      guard values.count >= record.epoch - 1, record.gradientNorm.isFinite else { return }
      values = values.prefix(record.epoch - 1) + [record.gradientNorm]
    }
    func keep() throws { try writeWhole(jsonText(of: values), to: path) }
    func clear() { try? FileManager.default.removeItem(atPath: path) }
  }

  // MARK: files

  private func open() throws {
    try makeTrainingFolder("\(folder)/final")
    try claimFolder(folder, of: "study", plan.identity)
  }

  private func result(_ trial: StudyPlan.Trial) throws -> StudyResult? {
    guard let data = FileManager.default.contents(atPath: path(trial, "json")) else { return nil }
    guard let found = StudyResult.read(data), found.seed == trial.seed else {
      throw TrainError(
        .output, at: path(trial, "json"), expected: "a training's result", got: "something else",
        advice: "remove the file: it is then trained again")
    }
    return found
  }

  private func results() throws -> [StudyPlan.Trial: StudyResult] {
    var found: [StudyPlan.Trial: StudyResult] = [:]
    for trial in plan.trials { found[trial] = try result(trial) }
    return found
  }
}
