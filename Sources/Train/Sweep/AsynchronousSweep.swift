import DitherBasics
import Dispatch
import Foundation
import Synchronization

extension SweepResult {
  /// The result on an earlier rung.
  public struct Step: Codable, Sendable, Equatable {
    /// Epochs that it had been trained for.
    public var epochs: Int
    /// On the validation part.
    public var validation: Evaluation?
  }

  /// The result after so many epochs; nil: it was not compared there, or diverged.
  func validation(after epochs: Int) -> Evaluation? {
    self.epochs == epochs ? validation : earlier?.first { $0.epochs == epochs }?.validation
  }
}

extension Sweep {
  /// Stands in what is trained, in which order: a process that goes on has the decisions of the one before.
  private var orderPath: String { "\(folder)/order.json" }

  private struct State {
    var promotions: Promotions
    /// Trials of trainings that were begun and that nobody has taken.
    var waiting: [(trial: SweepPlan.Trial, rung: Int)]
    /// By training: seeds that are not there.
    var missing: [Promotions.Job: Int]
    var known: [SweepPlan.Trial: SweepResult]
    var done = 0
    var failure: (any Error)?
  }

  /// Trains by asynchronous successive halving: a free worker never waits for a round to end.
  /// - Returns: the results, and whether nothing is left.
  func promote(
    _ halving: SweepPlan.Halving, _ shouldStop: @escaping @Sendable () -> Bool,
    _ progress: @escaping @Sendable (Progress) -> Void
  ) throws -> (known: [SweepPlan.Trial: SweepResult], isWhole: Bool) {
    try open()
    let epochs = try plan.recipe(.init(point: 0, seed: plan.seeds[0])).epochs, rungs = plan.rungs(of: epochs)
    let data = SharedData(root), state = Mutex(try standing(halving, rungs)), shown = Mutex(ContinuousClock.now)
    DispatchQueue.concurrentPerform(iterations: max(workers, 1)) { _ in
      while true {
        do {
          guard let taken = try state.withLock({ state in try take(&state) }) else { return }
          guard let (trial, rung) = taken else {
            // All that can go on waits for what others train.
            Thread.sleep(forTimeInterval: 0.01)
            continue
          }
          if shouldStop() { throw Stopped() }
          let before = state.withLock { $0.known[trial] }
          let result = try train(trial, on: rungs[rung], known: before, data, shouldStop)
          let told = state.withLock { state in
            put(result, of: .init(point: trial.point, rung: rung), rungs, &state)
            return report(state, epochs: rungs[rung], of: epochs)
          }
          // One at a time, as who asked for it was told.
          shown.withLock { last in
            progress(told)
            guard last.duration(to: .now) > Self.pause else { return }
            try? save(told.table)
            last = .now
          }
        } catch {
          return state.withLock { $0.failure = $0.failure ?? error }
        }
      }
    }
    return try state.withLock { state in
      if let failure = state.failure, !(failure is Stopped) { throw failure }
      return (state.known, state.failure == nil)
    }
  }

  /// The state that earlier processes have left.
  private func standing(_ halving: SweepPlan.Halving, _ rungs: [Int]) throws -> State {
    var state = State(
      promotions: .init(points: plan.points.count, rungs: rungs.count, factor: halving.factor), waiting: [],
      missing: [:], known: try results())
    for job in try order(rungs.count) {
      state.promotions.begin(job)
      begin(job, rungs, &state)
    }
    return state
  }

  private func order(_ rungs: Int) throws -> [Promotions.Job] {
    guard let text = FileManager.default.contents(atPath: orderPath) else { return [] }
    guard let order = try? JSONDecoder().decode([Promotions.Job].self, from: text),
      order.allSatisfy({ plan.points.indices.contains($0.point) && (0..<rungs).contains($0.rung) })
    else {
      throw TrainError(
        .output, at: orderPath, expected: "the order of a sweep's trainings, as it was written", got: "something else",
        advice: "say another folder with --out")
    }
    return order
  }

  /// - Returns: nil: nothing is left; `.some(nil)`: nothing now.
  private func take(_ state: inout State) throws -> (trial: SweepPlan.Trial, rung: Int)?? {
    if state.failure != nil { return nil }
    if state.waiting.isEmpty, let job = state.promotions.next() {
      state.promotions.begin(job)
      // Before it is trained: whoever goes on knows of it.
      try writeWhole(jsonText(of: state.promotions.begun), to: orderPath)
      state.waiting = plan.trials(of: [job.point]).map { ($0, job.rung) }
      state.missing[job] = state.waiting.count
    }
    if !state.waiting.isEmpty { return .some(state.waiting.removeFirst()) }
    return state.promotions.running == 0 ? nil : .some(nil)
  }

  /// Takes what is there of a training that an earlier process has begun.
  private func begin(_ job: Promotions.Job, _ rungs: [Int], _ state: inout State) {
    let trials = plan.trials(of: [job.point])
    let left = trials.filter { trial in
      state.known[trial].map { $0.epochs < rungs[job.rung] && $0.failure == nil } ?? true
    }
    state.missing[job] = left.count
    state.waiting += left.map { ($0, job.rung) }
    if left.isEmpty { state.promotions.put(job, loss: loss(of: job, rungs, state.known)) }
  }

  private func put(_ result: SweepResult, of job: Promotions.Job, _ rungs: [Int], _ state: inout State) {
    state.known[.init(point: result.point, seed: result.seed)] = result
    state.done += 1
    state.missing[job, default: 1] -= 1
    if state.missing[job] == 0 { state.promotions.put(job, loss: loss(of: job, rungs, state.known)) }
  }

  /// The mean over the seeds of what is chosen by, less for better; nil where one diverged.
  private func loss(
    of job: Promotions.Job, _ rungs: [Int], _ known: [SweepPlan.Trial: SweepResult]
  ) -> Double? {
    let trials = plan.trials(of: [job.point]), measure = SweepTable.measure(plan, Array(known.values))
    let values = trials.compactMap { known[$0]?.validation(after: rungs[job.rung]).flatMap(measure.value) }
    guard values.count == trials.count else { return nil }
    return values.reduce(0, +) / Double(values.count) * (measure.isOfRight ? -1 : 1)
  }

  /// A trial's result on a rung, with those on the rungs before.
  private func train(
    _ trial: SweepPlan.Trial, on epochs: Int, known: SweepResult?, _ data: SharedData,
    _ shouldStop: @Sendable () -> Bool
  ) throws -> SweepResult {
    var result = try train(trial, to: epochs, known: known, data, shouldStop)
    result.earlier = known.map { ($0.earlier ?? []) + [.init(epochs: $0.epochs, validation: $0.validation)] }
    try writeWhole(result.bytes, to: path(of: trial))
    return result
  }

  private func report(_ state: State, epochs: Int, of all: Int) -> Progress {
    let begun = Set(state.promotions.begun.map(\.point)).count
    let jobs = state.promotions.begun.count + plan.points.count - begun
    let left = state.missing.values.reduce(0, +) + (plan.points.count - begun) * plan.seeds.count
    return Progress(
      done: jobs * plan.seeds.count - left, trials: jobs * plan.seeds.count, epochs: epochs, allEpochs: all,
      secondsLeft: nil, table: SweepTable(plan, Array(state.known.values)))
  }
}
