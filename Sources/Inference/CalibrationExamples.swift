import DitherBasics
import DitherTensor

/// Examples that calibrate a model: how many it takes, in which order they are looked at, and what the model answers.
enum CalibrationExamples {
  /// Fewer make no threshold that means something.
  static let least = 40

  /// - Throws: when they are too few.
  static func check(count: Int) throws(InferenceError) {
    guard count >= least else {
      throw InferenceError(
        .labels, at: "examples", expected: "at least \(least)", got: "\(count)",
        advice: "a thousand and more make thresholds that hold")
    }
  }

  /// All of them by chance, so that the order of the data does not matter.
  static func order(count: Int, seed: UInt64) -> [Int] {
    let chance = (0..<count).map { NoiseAddress(seed: mixSeed(seed, 0x68_616C_66, UInt64($0))).uniform(0) }
    return (0..<count).sorted { (chance[$0], $0) < (chance[$1], $1) }
  }

  /// The model's outputs for all of them, some at a time; each example has draws of its own.
  /// - Parameters:
  ///   - samples: draws of each answer; 0: the deterministic pass.
  ///   - take: is given the examples and [draws, rows, outputWidth], draws 1 of the deterministic pass.
  static func outputs(
    of model: Model, for inputs: Tensor, samples: Int, seed: UInt64, proceed: @Sendable () throws -> Void,
    _ take: (Range<Int>, Tensor) throws -> Void
  ) throws {
    let count = inputs.rowCount, step = max(4096 / max(samples, 1), 1)
    for start in stride(from: 0, to: count, by: step) {
      let rows = start..<min(start + step, count), part = inputs.rows(rows)
      let outputs =
        samples > 0
        ? try model.sampledOutputs(
          part, NoiseDraws(0..<samples, seeds: rows.map { mixSeed(seed, UInt64($0)) }), proceed: proceed)
        : try model.outputs(part, proceed: proceed)
      if let row = firstNotFinite(outputs, rows.count) { throw notFinite(example: rows.lowerBound + row) }
      try take(rows, outputs)
    }
  }

  /// The first row with an output that is no number in any draw; nil: there is none.
  /// - Parameter outputs: [draws, rows, outputWidth].
  private static func firstNotFinite(_ outputs: Tensor, _ rows: Int) -> Int? {
    guard !outputs.isFinite else { return nil }
    let width = outputs.shape.dimensions.last ?? 1
    return outputs.elements.indices.lazy.filter { !outputs.elements[$0].isFinite }
      .map { $0 / max(width, 1) % max(rows, 1) }.min()
  }

  /// - Parameter example: its number among the examples, that the model has no answer to.
  static func notFinite(example: Int) -> InferenceError {
    InferenceError(
      .notFinite, at: "model, example \(example)", expected: "finite answers", got: "NaN or infinity",
      advice: "look at the inputs of that example, counted from 0")
  }
}
