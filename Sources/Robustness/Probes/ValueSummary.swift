import DitherInference
import Foundation

/// How good a regression's answers are over all examples, as measures of a summary, each with its interval of 95 %.
enum ValueSummary {
  /// Measures that a regression's probes may have.
  static let names = measures.map(\.name) + ["rmse_clean", "rmse_ratio", "unanswered"]

  /// nil: nobody knows.
  static func lowerIsBetter(_ name: String, isRegression: Bool) -> Bool? {
    isRegression && (["rmse", "mae", "nll", "crps"].contains(name) || isOfOneValue(name)) ? true : nil
  }

  /// Values that have measures of their own where there are several, at most.
  static let mostValues = 16

  /// The name of a measure of one of several values: `rmse_0`.
  static func name(_ measure: String, of value: Int) -> String { "\(measure)_\(value)" }

  /// Whether it is the name of a measure of one of several values.
  static func isOfOneValue(_ name: String) -> Bool {
    let parts = name.split(separator: "_", omittingEmptySubsequences: false)
    return parts.count == 2 && ofOneValue.contains { $0.name == parts[0] }
      && Int(parts[1]).map { (0..<mostValues).contains($0) && parts[1] == "\($0)" } ?? false
  }

  /// A measure of one value, as a mean of a number of each answer, of which it may be a root.
  private struct OfOneValue {
    var name: String
    var meaning: String
    var isRoot = false
    var number: @Sendable (ValueScores.OneValue) -> Double
  }

  private static let ofOneValue: [OfOneValue] = [
    OfOneValue(name: "rmse", meaning: "root of the mean squared error", isRoot: true) { $0.error * $0.error },
    OfOneValue(name: "mae", meaning: "mean absolute error") { abs($0.error) },
    OfOneValue(name: "crps", meaning: "continuous ranked probability score") { $0.rankedProbabilityScore },
  ]

  private struct Measured {
    var name: String
    var meaning: String
    /// The measure of some answers; nil where they do not tell.
    var value: @Sendable ([ValueScores]) -> Double?
  }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(values.count, 1)) }

  /// The mean of a number that every answer must have.
  private static func mean(_ scores: [ValueScores], _ value: (ValueScores) -> Double?) -> Double? {
    let found = scores.compactMap(value)
    return found.count == scores.count && !found.isEmpty ? mean(found) : nil
  }

  private static let measures: [Measured] = [
    Measured(name: "rmse", meaning: "root of the mean squared error, in the unit of the values") {
      mean($0) { $0.squaredError }?.squareRoot()
    },
    Measured(name: "mae", meaning: "mean absolute error, in the unit of the values") { mean($0) { $0.absoluteError } },
    Measured(
      name: "nll", meaning: "mean of −ln of a normal density of the answer's mean and variance, in nats"
    ) { mean($0) { $0.negativeLogLikelihood } },
    Measured(
      name: "crps", meaning: "continuous ranked probability score, in the unit of the values; 0 at best"
    ) { mean($0) { $0.rankedProbabilityScore } },
    Measured(name: "picp", meaning: "share of values within the answer's own interval of 95 %") {
      mean($0) { $0.coverage }
    },
    Measured(name: "interval_width", meaning: "mean width of these intervals, in the unit of the values") {
      mean($0) { $0.width }
    },
  ]

  /// The measures of answers to the examples as they are; nil of classes.
  /// - Parameter names: which measures; nil: all.
  static func unchanged(_ outcomes: [Outcome], names: [String]? = nil) -> Summary? {
    let kept = outcomes.kept(KeptValues.self)
    return kept.isEmpty ? nil : summary(of: kept.flatMap(\.after), names: names)
  }

  /// Under a condition, beside the examples as they are; nil of classes.
  static func changed(_ outcomes: [Outcome]) -> Summary? { changed(outcomes.kept(KeptValues.self)) }

  static func changed(_ kept: [KeptValues]) -> Summary? {
    let before = kept.flatMap(\.before), after = kept.flatMap(\.after)
    guard !after.isEmpty, before.count == after.count else { return nil }
    var summary = summary(of: after)
    // The same examples on both sides.
    let pairs = zip(before, after).compactMap { pair in pair.0.flatMap { a in pair.1.map { (a, $0) } } }
    guard !pairs.isEmpty else { return summary }
    func rmse(_ places: [Int], _ side: (Int) -> ValueScores) -> Double {
      mean(places.map { side($0).squaredError }).squareRoot()
    }
    func clean(_ places: [Int]) -> Double { rmse(places) { pairs[$0].0 } }
    func ratio(_ places: [Int]) -> Double { rmse(places) { pairs[$0].1 } / clean(places) }
    let all = Array(pairs.indices), bootstrap = Bootstrap([pairs.count])
    summary.add(
      "rmse_clean", clean(all), bootstrap.interval(clean), n: pairs.count,
      "the same examples as they are, in the unit of the values")
    summary.add("rmse_ratio", ratio(all), bootstrap.interval(ratio), n: pairs.count, "rmse over that")
    return summary
  }

  private static func summary(of all: [ValueScores?], names: [String]? = nil) -> Summary {
    var summary = Summary()
    let scores = all.compactMap { $0 }, bootstrap = Bootstrap([scores.count])
    if scores.count < all.count {
      summary.add("unanswered", Double(all.count - scores.count), n: all.count, "answers that are no number")
    }
    let endless = scores.count { $0.coverage != nil && $0.negativeLogLikelihood == nil }
    if endless > 0, names == nil {
      summary.remark(
        "zero_variance", passed: false,
        "To \(endless) of \(scores.count) examples the answer had a variance of 0: the likelihood of any other value is 0, "
          + "and the NLL has no end.")
    }
    for measure in measures where names?.contains(measure.name) ?? true {
      guard let value = measure.value(scores) else { continue }
      let interval = bootstrap.interval { places in measure.value(places.map { scores[$0] }) ?? .nan }
      summary.add(measure.name, value, interval, n: scores.count, measure.meaning + pooled(scores))
    }
    addValues(scores, names: names, bootstrap, to: &summary)
    return summary
  }

  /// Words behind a mean over several values, whose units may differ; empty where there is one.
  private static func pooled(_ scores: [ValueScores]) -> String {
    guard let count = scores.first?.byValue?.count else { return "" }
    return "; pooled over \(count) values, whatever their units"
  }

  /// Each of several values in its own unit.
  private static func addValues(
    _ scores: [ValueScores], names: [String]?, _ bootstrap: Bootstrap, to summary: inout Summary
  ) {
    let all = scores.compactMap(\.byValue)
    guard let width = all.first?.count, all.count == scores.count, all.allSatisfy({ $0.count == width }) else { return }
    for measure in ofOneValue where names?.contains(measure.name) ?? true {
      for value in 0..<min(width, mostValues) {
        let numbers = all.map { measure.number($0[value]) }
        func found(_ places: [Int]) -> Double {
          let mean = places.reduce(0) { $0 + numbers[$1] } / Double(max(places.count, 1))
          return measure.isRoot ? mean.squareRoot() : mean
        }
        summary.add(
          name(measure.name, of: value), found(Array(numbers.indices)), bootstrap.interval(found), n: numbers.count,
          "\(measure.meaning) of value \(value) alone, in its own unit")
      }
    }
  }
}
