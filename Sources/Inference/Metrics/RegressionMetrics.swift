import DitherTensor
import Foundation

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
      hasVariance = hasVariance && (epistemic != nil || aleatoric != nil)
      hasInterval = hasInterval && lower != nil && upper != nil
      for (i, (mean, target)) in zip(prediction.mean, targets.row(row)).enumerated() {
        let error = mean - Double(target), variance = (epistemic?[i] ?? 0) + (aleatoric?[i] ?? 0)
        squares += error * error
        loss += (log(2 * .pi * variance) + error * error / variance) / 2
        if let lower, let upper, (lower[i]...max(lower[i], upper[i])).contains(Double(target)) { covered += 1 }
        count += 1
      }
    }
    let share = 1 / Double(max(count, 1))
    rootMeanSquaredError = (squares * share).squareRoot()
    negativeLogLikelihood = hasVariance && loss.isFinite ? loss * share : nil
    intervalCoverage = hasInterval ? Double(covered) * share : nil
  }
}
