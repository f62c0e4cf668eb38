import DitherBasics
import DitherProto
import DitherRobustness

/// A version's calibration in a few lines, as the console and `dither models show` have it beside its other facts.
extension Dither_V1_Calibration {
  /// A line: what it is about, and its figures.
  public struct Fact: Sendable, Equatable {
    /// `calibrated`, `intervals`, `at coverage 0.9`.
    public var name: String
    /// For a reader.
    public var words: String
  }

  /// Values of a regression whose distances are told, at most.
  private static let mostValues = 8
  /// The coverage whose thresholds and distances are told, where the examples were enough for it.
  private static let shownCoverage = 0.9

  /// How it was made, and what it makes of answers.
  /// - Parameter names: of the values of a regression, or empty.
  public func facts(names: [String]) -> [Fact] {
    let draws = samples == 0 ? "without draws" : "\(samples) draws"
    let made = "number \(number), on \(data.clipped(to: 60)), \(draws)"
    guard !values.isEmpty else {
      let each = classes.isEmpty ? "" : ", a threshold for each class"
      return [
        Fact(
          name: "calibrated",
          words: "\(made), temperature \(Written.number(temperature)) from \(temperatureExamples) examples"),
        Fact(name: "sets", words: "\(reach) from \(conformalExamples) examples\(each)"),
      ]
    }
    let known = values.compactMap(Self.shown)
    let hasOwn = !known.isEmpty && known.allSatisfy(\.hasDeviation_p)
    let rules =
      hasOwn
      ? "normalized unless asked otherwise, absolute or quantiles"
      : "absolute, as its answers have no deviation of their own"
    return [
      Fact(name: "calibrated", words: "\(made), \(conformalExamples) examples"),
      Fact(name: "intervals", words: "\(reach), by the rule \(rules)"),
    ] + intervals(names)
  }

  private var reach: String { "coverage up to \(Written.decimal(mostCoverage))" }

  /// The interval that is told of a value.
  private static func shown(_ value: ValueIntervals) -> Interval? {
    value.intervals.first { $0.coverage == shownCoverage } ?? value.intervals.last
  }

  private func intervals(_ names: [String]) -> [Fact] {
    let all = values.prefix(Self.mostValues).enumerated().compactMap { at, value -> Fact? in
      guard let found = Self.shown(value) else { return nil }
      let own =
        found.hasDeviation_p
        ? ", normalized × \(Written.number(found.normalized)), quantiles widened by \(Written.number(found.quantiles))"
        : ""
      let name = names.indices.contains(at) ? names[at].clipped(to: 40) : values.count == 1 ? "value" : "value \(at)"
      return Fact(
        name: "at coverage \(found.coverage)",
        words: "\(name): absolute ± \(Written.number(found.absolute))\(own); RMSE \(Written.number(value.rmse))")
    }
    guard values.count > Self.mostValues else { return all }
    return all + [Fact(name: "", words: "and \(values.count - Self.mostValues) values more")]
  }
}
