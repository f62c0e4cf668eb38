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

  /// The program and the kind of machine that its results are of; nil: they may be of any.
  public let origin: String?

  /// - Parameter origin: the program and the kind of machine: a folder of others is refused; nil: of any.
  public init(_ plan: SweepPlan, folder: String, root: DataRoot = .standard, workers: Int, origin: String? = nil) {
    (self.plan, self.folder, self.root, self.workers, self.origin) = (plan, folder, root, workers, origin)
  }

  struct Stopped: Error {}
  /// Between two times that the table's files are written.
  static let pause = Duration.seconds(5)

  /// Trains what is not done.
  /// - Parameters:
  ///   - shouldStop: asked between steps.
  ///   - progress: on any thread, one at a time.
  /// - Returns: the table, and whether it is whole.
  /// - Throws: `TrainFault.output` where the folder is of another sweep, program or kind of machine.
  public func run(
    shouldStop: @escaping @Sendable () -> Bool = { false }, progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) throws -> (table: SweepTable, isWhole: Bool) {
    let known: [SweepPlan.Trial: SweepResult], isWhole: Bool
    if let halving = plan.halving, halving.asynchronous {
      (known, isWhole) = try promote(halving, shouldStop, progress)
    } else {
      let (found, ending) = try rounds(of: nil, patience: .zero, shouldStop, progress)
      (known, isWhole) = (found, ending == .whole)
    }
    let table = SweepTable(plan, Array(known.values))
    try save(table)
    return (table, isWhole)
  }

  /// The end of a part of a sweep.
  public enum PartEnding: Sendable {
    /// Every trial is there, of the other parts too.
    case whole
    /// All that is this part's is there.
    case done
    /// It was told to.
    case stopped
    /// A round waits for trials of others, and nobody has worked on them for a while.
    case waited
  }

  /// Trains what is not done of one part, beside processes that do the others in the same folder; the table is left to
  /// `run` without one. Between two rounds of successive halving it waits for the others.
  /// - Parameter patience: how long others may write nothing for it to wait.
  public func run(
    _ part: WorkPart, patience: Duration = .seconds(600), shouldStop: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) throws -> PartEnding {
    if plan.halving?.asynchronous == true {
      throw TrainError(
        .recipe, at: "--part \(part)", expected: "a sweep whose halving is in rounds", got: "asynchronous: true",
        advice: "say one process with as many --workers, or leave out 'asynchronous'")
    }
    return try rounds(of: part, patience: patience, shouldStop, progress).ending
  }

  private func rounds(
    of part: WorkPart?, patience: Duration, _ shouldStop: @escaping @Sendable () -> Bool,
    _ progress: @escaping @Sendable (Progress) -> Void
  ) throws -> (known: [SweepPlan.Trial: SweepResult], ending: PartEnding) {
    try open()
    let first = try plan.recipe(.init(point: 0, seed: plan.seeds[0])), rungs = plan.rungs(of: first.epochs)
    let data = SharedData(root)
    var alive = Array(plan.points.indices), known = try results()
    for (number, epochs) in rungs.enumerated() {
      let trials = plan.trials(of: alive), isLast = number + 1 == rungs.count
      let goals = try trials.map { try ($0, plan.epochs(of: $0, at: epochs)) }
      let round = Round(
        trials: trials, goals: Dictionary(uniqueKeysWithValues: goals), epochs: goals.map(\.1).max() ?? epochs,
        allEpochs: max(first.epochs, goals.map(\.1).max() ?? 0))
      do {
        let own = trials.enumerated().filter { part?.contains($0.offset) ?? true }.map(\.element)
        try train(own, of: round, &known, showing: part == nil, data, shouldStop, progress)
        if part != nil {
          // With what others have brought meanwhile.
          known = try results()
          if !round.isDone(by: known) {
            if isLast { return (known, .done) }
            guard let found = try wait(for: round, patience, shouldStop) else { return (known, .waited) }
            known = found
          }
        }
      } catch is Stopped {
        return (try results(), .stopped)
      }
      guard !isLast else { continue }
      alive = plan.survivors(of: alive, known)
      if alive.isEmpty { break }
    }
    return (known, .whole)
  }

  // MARK: one round

  private struct Round {
    var trials: [SweepPlan.Trial]
    /// To how many epochs each is trained.
    var goals: [SweepPlan.Trial: Int]
    /// The most of these.
    var epochs: Int
    /// The recipe's.
    var allEpochs: Int

    func goal(of trial: SweepPlan.Trial) -> Int { goals[trial] ?? epochs }
    func isDone(_ result: SweepResult?) -> Bool {
      guard let result else { return false }
      return result.failure != nil || result.epochs >= goal(of: .init(point: result.point, seed: result.seed))
    }
    func isDone(by known: [SweepPlan.Trial: SweepResult]) -> Bool { trials.allSatisfy { isDone(known[$0]) } }
  }

  /// - Parameter showing: whether the table's files are written now and then: parts leave them to the command without.
  private func train(
    _ own: [SweepPlan.Trial], of round: Round, _ known: inout [SweepPlan.Trial: SweepResult], showing: Bool,
    _ data: SharedData, _ shouldStop: @escaping @Sendable () -> Bool,
    _ progress: @escaping @Sendable (Progress) -> Void
  ) throws {
    let before = known
    let done = Dictionary(
      uniqueKeysWithValues: own.compactMap { trial in
        before[trial].flatMap { round.isDone($0) ? (trial, $0) : nil }
      })
    let state = Mutex((known: before, done: done.count, start: ContinuousClock.now, here: 0))
    let shown = Mutex(ContinuousClock.now)
    let found = try ShardQueue.runAll(
      own, known: done, threads: workers,
      finished: { result in
        let told = state.withLock { state in
          state.known[.init(point: result.point, seed: result.seed)] = result
          state.done += 1
          state.here += 1
          let pace = (ContinuousClock.now - state.start) / .seconds(1) / Double(state.here)
          return Progress(
            done: state.done, trials: own.count, epochs: round.epochs, allEpochs: round.allEpochs,
            secondsLeft: pace * Double(own.count - state.done),
            table: SweepTable(plan, Array(state.known.values)))
        }
        // The page may be open: it is written anew while trials end, but not at each of many.
        shown.withLock { last in
          guard showing, last.duration(to: .now) > Self.pause else { return }
          try? save(told.table)
          last = .now
        }
        progress(told)
      },
      run: { trial, _ in
        if shouldStop() { throw Stopped() }
        // Another process may have brought it meanwhile.
        if let there = try result(of: trial), round.isDone(there) { return there }
        let result = try train(trial, to: round.goal(of: trial), known: before[trial], data, shouldStop)
        try writeWhole(result.bytes, to: path(of: trial))
        return result
      })
    for result in found { known[.init(point: result.point, seed: result.seed)] = result }
  }

  /// Waits for trials of a round that are others', as long as somebody works on them: checkpoints are written every
  /// minute.
  /// - Returns: all results; nil where nothing has come for so long.
  private func wait(
    for round: Round, _ patience: Duration, _ shouldStop: @Sendable () -> Bool
  ) throws -> [SweepPlan.Trial: SweepResult]? {
    var sign = lastSign, heard = ContinuousClock.now
    while true {
      let known = try results()
      if round.isDone(by: known) { return known }
      if shouldStop() { throw Stopped() }
      if lastSign != sign { (sign, heard) = (lastSign, .now) }
      guard ContinuousClock.now - heard < patience else { return nil }
      Thread.sleep(forTimeInterval: min(patience / .seconds(1) / 10, 1))
    }
  }

  /// When anything in the folder was last written.
  private var lastSign: Date? {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap {
      (try? FileManager.default.attributesOfItem(atPath: "\(folder)/\($0)"))?[.modificationDate] as? Date
    }.max()
  }

  // MARK: one trial

  func checkpoint(of trial: SweepPlan.Trial) -> CheckpointPlace {
    CheckpointPlace("\(folder)/\(trial.name).checkpoint")
  }

  /// - Parameter kept: told of each checkpoint.
  func train(
    _ trial: SweepPlan.Trial, to epochs: Int, known: SweepResult?, _ data: SharedData,
    _ shouldStop: @Sendable () -> Bool, kept: () throws -> Void = {}
  ) throws -> SweepResult {
    let start = CoreTime.spent, before = known?.seconds ?? 0
    func seconds() -> Double { before + CoreTime.spent - start }
    let recipe = try plan.recipe(trial), all = try data.part(recipe, .train)
    try plan.checkMeasure(recipe, all)
    let place = checkpoint(of: trial)
    do {
      let trainer = try place.trainer(recipe, all, to: epochs)
      guard try place.train(trainer, to: epochs, shouldStop: shouldStop, kept: kept) else { throw Stopped() }
      guard let validation = trainer.validation else { throw Stopped() }
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

  func makeFolder() throws(TrainError) { try makeTrainingFolder(folder) }

  func open() throws {
    try makeFolder()
    WholeFile.removeLeftovers(in: folder)
    try claimFolder(folder, of: "sweep", plan.identity)
    if let origin {
      try claimFolder(
        folder, of: "program", origin, expected: "results of this program on this kind of machine",
        advice: "go on with that program on such a machine, or say another folder with --out")
    }
  }

  func path(of trial: SweepPlan.Trial) -> String { "\(folder)/\(trial.name).json" }

  func results() throws -> [SweepPlan.Trial: SweepResult] {
    var found: [SweepPlan.Trial: SweepResult] = [:]
    for trial in plan.trials(of: Array(plan.points.indices)) { found[trial] = try result(of: trial) }
    return found
  }

  /// - Returns: nil where there is none yet.
  private func result(of trial: SweepPlan.Trial) throws -> SweepResult? {
    guard let data = FileManager.default.contents(atPath: path(of: trial)) else { return nil }
    guard let result = SweepResult.Kept.read(data), result.point == trial.point, result.seed == trial.seed else {
      throw TrainError(
        .output, at: path(of: trial), expected: "a trial's result, as it was written", got: "something else",
        advice: "remove the file: its trial is then trained again")
    }
    return result
  }

  func save(_ table: SweepTable) throws { try Self.save(table, of: plan, to: folder) }

  static func save(_ table: SweepTable, of plan: SweepPlan, to folder: String) throws {
    try writeWhole(jsonText(of: table), to: "\(folder)/\(plan.name).json")
    try writeWhole(Array(table.csv.utf8), to: "\(folder)/\(plan.name).csv")
    try writeWhole(Array(SweepPage(plan, table).html().utf8), to: "\(folder)/\(plan.name).html")
  }
}
