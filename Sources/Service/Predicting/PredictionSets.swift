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
  var neverEmpty: Bool

  /// - Throws: where the version cannot make sets that hold the coverage.
  init(
    _ query: PredictionQuery, _ coverage: Double, by fitted: ModelCalibration, of resolved: ModelRegistry.Resolved
  ) throws(ServiceError) {
    let rule = query.setRule ?? .lac
    self.rule = rule
    thresholds = fitted.thresholds(
      coverage: coverage, rule, classes: resolved.loaded.model.signature.classes)
    isClassConditional = fitted.isClassConditional
    neverEmpty = query.neverEmpty
    // Sets that would name all classes say nothing.
    guard thresholds.contains(where: \.isFinite) else {
      let examples = fitted.classExamples?.max() ?? fitted.conformalExamples
      let whose = fitted.isClassConditional ? "examples of a class, at most," : "examples"
      throw AskedCoverage.tooHigh(coverage, examples: examples, whose, of: resolved.version.reference)
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
