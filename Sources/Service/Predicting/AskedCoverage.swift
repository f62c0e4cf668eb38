import DitherBasics
import DitherInference
import DitherStore

/// The coverage that a query asks for, and what the version's calibration makes of it.
struct AskedCoverage: Sendable {
  /// By what an answer's truth is covered.
  enum Cover: Sendable {
    case sets(PredictionSets)
    case intervals(ConformalIntervals)
  }
  var cover: Cover
  /// Draws of each answer that it holds for.
  var samples: Int

  /// - Returns: nil where none is asked for.
  /// - Throws: where the version's answers cannot be made to hold the coverage.
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
    let isRegression = resolved.loaded.model.signature.task.isRegression
    try Self.checkRules(query, isRegression: isRegression)
    let reference = resolved.version.reference
    switch resolved.calibration?.fitted {
    case .classes(let fitted) where !isRegression:
      cover = .sets(try PredictionSets(query, coverage, by: fitted, of: resolved))
      samples = fitted.samples
    case .values(let fitted) where isRegression:
      cover = .intervals(try ConformalIntervals(query, coverage, by: fitted, of: reference))
      samples = fitted.samples
    default:
      throw ServiceError(
        .notReady, at: "coverage", expected: "a calibration of \(reference)", got: "none",
        advice: "calibrate it: `dither calibrate \(reference) --data …`")
    }
  }

  /// - Throws: for a rule of answers of the other kind.
  private static func checkRules(_ query: PredictionQuery, isRegression: Bool) throws(ServiceError) {
    func refuse(_ field: String, _ why: String, _ got: String, _ other: String) -> ServiceError {
      ServiceError(.badField, at: field, expected: "none: \(why)", got: got, advice: "say \(other), or leave it out")
    }
    guard isRegression else {
      guard let rule = query.intervalRule else { return }
      throw refuse("interval_rule", "a classifier has prediction sets", "'\(rule)'", "set_rule")
    }
    if let rule = query.setRule {
      throw refuse("set_rule", "a regression has intervals", "'\(rule)'", "interval_rule")
    }
    if query.neverEmpty {
      throw refuse("never_empty", "intervals of a regression are never empty", "true", "interval_rule")
    }
  }

  /// More than so many examples can give.
  static func tooHigh(
    _ coverage: Double, examples: Int, _ whose: String = "examples", of reference: String
  ) -> ServiceError {
    ServiceError(
      .notReady, at: "coverage",
      expected: """
        at most \(ModelCalibration.mostCoverage(of: examples)), as \(examples) \(whose) calibrated \(reference)
        """,
      got: "\(coverage)", advice: "calibrate with more examples")
  }

  /// nil: intervals are asked for, of a regression.
  var sets: PredictionSets? { if case .sets(let sets) = cover { sets } else { nil } }
  /// nil: sets are asked for, of a classifier.
  var intervals: ConformalIntervals? { if case .intervals(let intervals) = cover { intervals } else { nil } }
}
