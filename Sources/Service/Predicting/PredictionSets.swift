import DitherBasics
import DitherInference
import DitherStore
import DitherTensor

/// The rule and the threshold by which one query's prediction sets are made.
struct PredictionSets: Sendable {
  var rule: Conformal.Score
  /// By class.
  var thresholds: [Double]
  /// Whether they hold in every class, not only on average.
  var isClassConditional: Bool
  /// Draws of each answer that the thresholds hold for.
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
    let rule = query.setRule ?? .lac
    self.rule = rule
    thresholds = fitted.thresholds(
      coverage: coverage, rule, classes: resolved.loaded.model.signature.classes)
    isClassConditional = fitted.isClassConditional
    samples = fitted.samples
    neverEmpty = query.neverEmpty
    // Sets that would name all classes say nothing.
    guard thresholds.contains(where: \.isFinite) else {
      let examples = fitted.classExamples?.max() ?? fitted.conformalExamples
      let whose = fitted.isClassConditional ? "examples of a class, at most," : "examples"
      throw ServiceError(
        .notReady, at: "coverage",
        expected: """
          at most \(ModelCalibration.mostCoverage(of: examples)), as \(examples) \(whose) calibrated \(reference)
          """,
        got: "\(coverage)", advice: "calibrate with more examples")
    }
  }

  func sets(of predictions: [Prediction], _ inputs: Tensor, seed: UInt64) -> PredictionAnswer.Sets {
    let classes = predictions.enumerated().map { row, prediction in
      Conformal.set(
        prediction.mean, rule, thresholds: thresholds, u: Conformal.chance(seed: seed, example: inputs.row(row)),
        neverEmpty: neverEmpty)
    }
    return .init(
      classes: classes, isClassConditional: isClassConditional,
      always: thresholds.indices.filter { !thresholds[$0].isFinite })
  }
}
