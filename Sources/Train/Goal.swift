import DitherBasics
import DitherDatasets
import DitherInference
import DitherTensor

/// The aim of a recipe on its data: a task, and the objective that is lowered.
struct Goal: Sendable {
  let task: ModelTask
  let objective: any Objective

  /// - Throws: where objective, task and targets do not fit each other.
  init(_ recipe: Recipe, _ data: Dataset) throws {
    let hasClasses = if case .values = data.targets { false } else { true }
    objective = recipe.objective ?? (hasClasses ? CrossEntropy() : SquaredError())
    try objective.check()
    let known = type(of: objective).tasks, name = type(of: objective).name
    let kind = recipe.task ?? known[0]
    guard known.contains(kind) else {
      throw TrainError(
        .recipe, at: "recipe, 'task'",
        expected: "\(known.map(\.rawValue).joined(separator: " or ")), as the objective is \(name)",
        got: kind.rawValue)
    }
    task = ModelTask(kind, width: data.targets.width)
    guard task.isRegression != hasClasses else {
      throw TrainError(
        .data, at: "data set '\(data.name)'",
        expected: "a set with \(task.isRegression ? "values" : "classes"), as the objective is \(name)",
        got: "one with \(hasClasses ? "classes" : "values")")
    }
    guard kind != .binary || data.targets.width == 2 else {
      throw TrainError(
        .data, at: "data set '\(data.name)'", expected: "two classes, as the task is binary",
        got: "\(data.targets.width)")
    }
  }

  /// Numbers that the network puts out for an example.
  var outputs: Int { task == .binary ? 1 : task.outputWidth }
}
