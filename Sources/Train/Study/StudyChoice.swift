import DitherBasics
import DitherDatasets
import DitherInference
import DitherTensor

/// The step between a study's two halves: what tuning has found, and the final trainings.
extension StudyPlan {
  /// In words, for progress.
  func title(ofTuning arm: Int, of group: String) -> String {
    "tuning \(arms[arm].name)" + (groups.count > 1 ? " for \(group)" : "")
  }

  /// - Throws: where none of the points can be chosen.
  func check(_ table: SweepTable, ofTuning arm: Int, of group: String) throws(TrainError) {
    guard table.best == nil else { return }
    throw TrainError(
      .diverged, at: title(ofTuning: arm, of: group), expected: "a point whose trainings end", got: "none",
      advice: "lower the learning rates or the noise of its 'tune'")
  }

  /// The values that a final training takes of what was tuned, as `--set` says it.
  /// - Parameter tuned: by group and arm.
  func chosen(for trial: Trial, _ tuned: [String: [Int: SweepTable]]) throws -> [String] {
    let group = cases[trial.place].group
    guard let best = tuned[group]?[trial.arm]?.best else { return [] }
    return try sweep(trial.arm, of: group)?.settings(of: best.point) ?? []
  }

  /// - Throws: where an arm cannot be trained on a case, no case has a measure, or a probe has no value of the name
  ///   that a measure wants, before anything is trained.
  func tryOut(_ data: SharedData) throws {
    var tasks: [String: Bool] = [:]
    for arm in arms.indices {
      for place in cases.indices where cases[..<place].allSatisfy({ $0.group != cases[place].group }) {
        let recipe = try recipe(Trial(arm: arm, place: place, seed: seeds[0]), [])
        let part = try data.part(recipe, .train)
        let task = try Goal(recipe, part).task
        tasks[task.name] = task.isRegression
        _ = try recipe.locating { try Trainer(recipe, data: part, threads: 1) }
      }
    }
    for measure in measures { try measure.check(on: tasks, at: "'measures', '\(measure.name.clipped())'") }
    let shape = try data.part(example(), .train).inputs.shape.row
    for measure in measures { try measure.check(on: shape) }
    let sketched = measures.compactMap(\.sketched)
    guard !sketched.isEmpty else { return }
    let subject = try StudySubject(untrained: example(), data)
    for measure in sketched { _ = try measure.value(of: subject) }
  }
}
