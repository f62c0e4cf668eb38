import DitherTensor

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
  /// The scores of each value for itself; nil where there is one alone, of which the rest speaks.
  public var byValue: [OneValue]?

  /// Scores of one of several values: each has a unit of its own.
  public struct OneValue: Sendable, Equatable, Codable {
    /// The answer less the target.
    public var error: Double
    /// As ``ValueScores/rankedProbabilityScore``.
    public var rankedProbabilityScore: Double
  }

  /// - Parameter target: as many as the draws have values.
  public init(_ draws: Draws, _ target: some Collection<Float>) {
    let target = target.map(Double.init), count = Double(max(target.count, 1))
    let mixtures = target.indices.map(draws.mixture(of:)), lower = IntervalLower.values(draws)
    let upper = IntervalUpper.values(draws), interval = lower.flatMap { lower in upper.map { (lower, $0) } }
    let found = ValueErrors(draws.mean, target, variance: draws.variance, interval: interval)
    squaredError = found.squares / count
    absoluteError = found.errors.reduce(0) { $0 + abs($1) } / count
    let ranked = zip(mixtures, target).map { $0.rankedProbabilityScore(of: $1) }
    rankedProbabilityScore = ranked.reduce(0, +) / count
    negativeLogLikelihood = found.losses.flatMap { losses in
      let loss = losses.reduce(0, +) / count
      return loss.isFinite ? loss : nil
    }
    if target.count > 1 {
      byValue = zip(found.errors, ranked).map { OneValue(error: $0, rankedProbabilityScore: $1) }
    }
    guard let inside = found.inside, let interval else { return }
    coverage = Double(inside.count { $0 }) / count
    width = zip(interval.0, interval.1).reduce(0) { $0 + $1.1 - $1.0 } / count
    levels = zip(mixtures, target).map { abs(2 * $0.cumulative($1) - 1) }
  }
}
