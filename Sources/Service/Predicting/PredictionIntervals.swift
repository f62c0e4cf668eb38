import DitherBasics
import DitherInference
import DitherStore

extension ConformalIntervals {
  /// The intervals of one query: the ends are among the measures of its answers.
  /// - Throws: where the version cannot make intervals that hold the coverage, or not by the rule.
  init(
    _ query: PredictionQuery, _ coverage: Double, by fitted: IntervalCalibration, of reference: String
  ) throws(ServiceError) {
    guard let found = fitted.intervals(coverage: coverage, query.intervalRule) else {
      throw ServiceError(
        .notReady, at: "interval_rule", expected: "absolute, as \(reference) was calibrated",
        got: query.intervalRule.map { "'\($0)', which takes answers with a deviation of their own" } ?? "none",
        advice: """
          calibrate it with two draws or more of a noise that every answer feels, or train it to answer with variances \
          (gaussian_regression)
          """)
    }
    // An interval that would be everything says nothing.
    guard found.thresholds.allSatisfy(\.isFinite) else {
      throw AskedCoverage.tooHigh(coverage, examples: fitted.examples, of: reference)
    }
    self = found
  }
}
