import DitherBasics

/// One example's answer: a mean, and measures of how sure it is, by name.
public struct Prediction: Sendable, Equatable {
  /// The values of one ``Measure``: one value, or one for each class or value of the mean.
  public struct Measurement: Sendable, Equatable {
    public var name: String
    public var values: [Double]
  }

  /// The first class of largest mean probability; nil of a regression, and ``Label/none`` where a draw has no answer.
  public var label: Int?
  /// Over the draws: a probability for each class, or the regression's values.
  public var mean: [Double]
  /// In the order asked for. What the draws cannot tell is absent.
  public var measurements: [Measurement]
  /// By level asked, then as the mean; empty where the draws cannot tell them.
  public var quantiles: [[Double]]
  /// Whether every draw gave one: else the rest means nothing.
  public var hasAnswer: Bool

  /// - Parameters:
  ///   - measures: by default the standard ones.
  ///   - levels: of the quantiles, in [0, 1].
  ///   - intervals: whose ends stand among the measurements, behind the others.
  public init(
    _ draws: Draws, measures: [any Measure.Type] = Self.standardMeasures, quantiles levels: [Double] = [],
    intervals: ConformalIntervals? = nil
  ) {
    label = draws.areValues ? nil : draws.label
    hasAnswer = draws.haveAnswers
    mean = draws.mean
    measurements = measures.compactMap { measure in
      measure.values(draws).map { Measurement(name: measure.name, values: $0) }
    }
    if let intervals { measurements += intervals.measurements(draws) }
    quantiles = levels.compactMap(draws.quantile)
  }

  /// The measures of an answer for which none are named.
  public static let standardMeasures = Catalog<any Measure.Type>.measures.entries.filter { $0.isStandard }

  /// The values of a measure; nil where it is absent.
  public subscript(_ measure: any Measure.Type) -> [Double]? {
    measurements.first { $0.name == measure.name }?.values
  }
}
