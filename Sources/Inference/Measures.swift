import DitherBasics

/// A number that says how unsure a prediction is (or, for the margin, how sure).
public protocol Measure: Sendable {
  /// Its name in answers, reports and `--help`.
  static var name: String { get }
  /// Whether larger values mean less certainty.
  static var risesWithUncertainty: Bool { get }
  static func value(_ draws: Draws) -> Double
}

extension Measure {
  public static var risesWithUncertainty: Bool { true }
}

extension Catalog where Entry == any Measure.Type {
  public static let measures = Catalog(
    "measure",
    [
      PredictiveEntropy.self, ExpectedEntropy.self, MutualInformation.self, VariationRatio.self, Margin.self,
    ], name: { $0.name })
}
