import DitherTensor
import Foundation

/// How good one answer of a regression is: means over its values.
public struct ValueScores: Sendable, Equatable, Codable {
  /// In the square of the values' unit.
  public var squaredError: Double
  /// In the values' unit.
  public var absoluteError: Double
  /// −ln of the density of a normal distribution of the answer's mean and of its variance, over the draws and of the
  /// model's own together, in nats; nil where it has no variance.
  public var negativeLogLikelihood: Double?
  /// The continuous ranked probability score, in the values' unit; the absolute error where nothing is random.
  public var rankedProbabilityScore: Double
  /// The share of values within the answer's own interval of 95 %; nil where it has none.
  public var coverage: Double?
  /// The width of that interval.
  public var width: Double?
  /// By value: the coverage of the answer's narrowest central interval that holds the target; nil where it has none.
  public var levels: [Double]?

  /// - Parameter target: as many as the draws have values.
  public init(_ draws: Draws, _ target: some Collection<Float>) {
    let target = target.map(Double.init), count = Double(max(target.count, 1))
    let errors = zip(draws.mean, target).map { $0 - $1 }
    squaredError = errors.reduce(0) { $0 + $1 * $1 } / count
    absoluteError = errors.reduce(0) { $0 + abs($1) } / count
    let mixtures = target.indices.map(draws.mixture(of:))
    rankedProbabilityScore =
      zip(mixtures, target).reduce(0) { $0 + $1.0.rankedProbabilityScore(of: $1.1) } / count
    let variance = draws.variance
    negativeLogLikelihood = variance.flatMap { variance in
      let loss = zip(errors, variance).reduce(0) { $0 + (log(2 * .pi * $1.1) + $1.0 * $1.0 / $1.1) / 2 } / count
      return loss.isFinite ? loss : nil
    }
    guard let lower = IntervalLower.values(draws), let upper = IntervalUpper.values(draws) else { return }
    coverage = Double(target.indices.count { lower[$0] <= target[$0] && target[$0] <= upper[$0] }) / count
    width = zip(lower, upper).reduce(0) { $0 + $1.1 - $1.0 } / count
    levels = zip(mixtures, target).map { abs(2 * $0.cumulative($1) - 1) }
  }
}
