import DitherDatasets
import DitherTrain

/// One training at once, and the same in two parts.
enum Halves {
  /// - Parameter steps: before which the first part is stopped.
  static func run(_ recipe: Recipe, _ data: Dataset, steps: Int) throws -> (whole: Trainer, parts: Trainer) {
    let whole = try Trainer(recipe, data: data, threads: 1)
    try whole.run()
    let first = try Trainer(recipe, data: data, threads: 1)
    var asked = 0
    try first.run(shouldStop: {
      defer { asked += 1 }
      return asked == steps
    })
    let second = try Trainer(recipe, data: data, checkpoint: first.checkpoint(), threads: 1)
    try second.run()
    return (whole, second)
  }
}
