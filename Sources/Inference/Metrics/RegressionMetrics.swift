import DitherTensor

/// How good a regression's answers are, as means over all values of all examples.
public struct RegressionMetrics: Sendable {
  /// In the unit of the targets.
  public let rootMeanSquaredError: Double
  /// −ln of the density of a normal distribution of the answer's mean and of the sum of its variances, in nats; nil
  /// where an answer has no variance.
  public let negativeLogLikelihood: Double?
  /// The share of targets within the interval of 95 %; nil where an answer has none.
  public let intervalCoverage: Double?

  /// - Parameter targets: [N, D]: as many rows as there are predictions, as wide as their means.
  public init(_ predictions: [Prediction], _ targets: Tensor) {
    var squares = 0.0, loss = 0.0, covered = 0, count = 0, hasVariance = true, hasInterval = true
    for (row, prediction) in predictions.enumerated() where row < targets.rowCount {
      let epistemic = prediction[EpistemicVariance.self], aleatoric = prediction[AleatoricVariance.self]
      let lower = prediction[IntervalLower.self], upper = prediction[IntervalUpper.self]
      let variance = prediction.mean.indices.map { (epistemic?[$0] ?? 0) + (aleatoric?[$0] ?? 0) }
      let found = ValueErrors(
        prediction.mean, targets.row(row).map(Double.init),
        variance: epistemic == nil && aleatoric == nil ? nil : variance,
        interval: lower.flatMap { lower in upper.map { (lower, $0) } })
      squares += found.squares
      count += found.errors.count
      hasVariance = hasVariance && found.losses != nil
      hasInterval = hasInterval && found.inside != nil
      loss += found.losses?.reduce(0, +) ?? 0
      covered += found.inside?.count { $0 } ?? 0
    }
    let share = 1 / Double(max(count, 1))
    rootMeanSquaredError = (squares * share).squareRoot()
    negativeLogLikelihood = hasVariance && loss.isFinite ? loss * share : nil
    intervalCoverage = hasInterval ? Double(covered) * share : nil
  }
}
