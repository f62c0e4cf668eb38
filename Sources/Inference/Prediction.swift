/// One example's answer with its uncertainty.
public struct Prediction: Sendable, Equatable {
  /// The first class of largest mean probability; ``Label/none`` where a draw has no answer: then the rest means nothing.
  public var label: Int
  /// The mean over the draws.
  public var probabilities: [Double]
  /// The standard deviation over the draws (ddof 1), by class.
  public var std: [Double]
  public var predictiveEntropy: Double
  public var expectedEntropy: Double
  public var mutualInformation: Double
  public var variationRatio: Double
  public var margin: Double
  /// The largest Monte-Carlo standard error of a mean probability.
  public var standardError: Double
  /// By level asked, then class.
  public var quantiles: [[Double]]

  public init(_ draws: Draws, quantiles levels: [Double] = []) {
    let total = PredictiveEntropy.value(draws), aleatoric = ExpectedEntropy.value(draws), deviation = draws.deviation
    label = draws.label
    probabilities = draws.mean
    std = deviation
    predictiveEntropy = total
    expectedEntropy = aleatoric
    mutualInformation = max(0, total - aleatoric)
    variationRatio = VariationRatio.value(draws)
    margin = Margin.value(draws)
    standardError = (deviation.max() ?? 0) / Double(draws.samples).squareRoot()
    quantiles = levels.map(draws.quantile)
  }
}
