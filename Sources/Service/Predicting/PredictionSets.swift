import DitherBasics
import DitherInference
import DitherStore
import DitherTensor

/// The rule and the threshold by which one query's prediction sets are made.
struct PredictionSets: Sendable {
  var rule: Conformal.Score
  var threshold: Double
  /// Draws of each answer that the threshold holds for.
  var samples: Int
  var neverEmpty: Bool

  /// - Returns: nil where none are asked for.
  /// - Throws: where the version cannot make sets that hold the coverage.
  init?(_ query: PredictionQuery, _ resolved: ModelRegistry.Resolved) throws(ServiceError) {
    guard let coverage = query.coverage else { return nil }
    guard coverage > 0, coverage < 1 else {
      throw ServiceError(.badField, at: "coverage", expected: "a number between 0 and 1", got: "\(coverage)")
    }
    guard !query.uncalibrated, !query.antithetic else {
      throw ServiceError(
        .badField, at: "coverage", expected: "calibrated answers of independent draws",
        got: query.uncalibrated ? "uncalibrated" : "antithetic", advice: "leave one of them out")
    }
    do { try resolved.loaded.model.signature.checkClasses(for: "coverage") } catch {
      throw ServiceError(
        .badField, at: "coverage", expected: error.expected, got: error.got,
        advice: "ask a regression for its interval: measures interval_lower and interval_upper")
    }
    let reference = resolved.version.reference
    guard let fitted = resolved.calibration?.fitted else {
      throw ServiceError(
        .notReady, at: "coverage", expected: "a calibration of \(reference)", got: "none",
        advice: "calibrate it: `dither calibrate \(reference) --data …`")
    }
    rule = query.setRule
    threshold = fitted.threshold(coverage: coverage, rule)
    samples = fitted.samples
    neverEmpty = query.neverEmpty
    guard threshold.isFinite else {
      throw ServiceError(
        .notReady, at: "coverage",
        expected: "at most \(fitted.mostCoverage), as \(fitted.conformalExamples) examples calibrated \(reference)",
        got: "\(coverage)", advice: "calibrate with more examples")
    }
  }

  /// Classes, rising, by prediction.
  func sets(of predictions: [Prediction], _ inputs: Tensor, seed: UInt64) -> [[Int]] {
    predictions.enumerated().map { row, prediction in
      Conformal.set(
        prediction.mean, rule, threshold: threshold, u: Conformal.chance(seed: seed, example: inputs.row(row)),
        neverEmpty: neverEmpty)
    }
  }
}
