import Foundation

/// The class probabilities of one example over Monte-Carlo draws, or the values of a regression: what every uncertainty
/// measure reads.
public struct Draws: Sendable {
  public let samples: Int
  /// Numbers of each draw: the classes, or the values of a regression.
  public let classes: Int
  /// [samples, classes]; of a regression its values.
  public let probabilities: [Double]
  /// [samples, width]: the variances that a regression answers with beside its values; nil where it does not.
  public let variances: [Double]?
  /// They are a regression's values and no probabilities: they have no label, no votes and no entropy.
  public let areValues: Bool
  /// The mean over the draws.
  public let mean: [Double]
  /// How many draws have each class as their label; draws without an answer are no class's.
  public let votes: [Int]
  /// The standard deviation over the draws, by class: ddof 1; nil below two draws.
  public let deviation: [Double]?
  /// The mean of the draws' entropies, in nats.
  let meanEntropy: Double
  /// Draws 2 i and 2 i + 1 belong together: their errors are not independent.
  public let areAntithetic: Bool

  /// - Parameter probabilities: [samples, classes], each draw summing to 1.
  public init(probabilities: [Double], classes: Int, antithetic: Bool = false) {
    self.init(probabilities, classes, nil, areValues: false, antithetic)
  }

  /// A regression's draws.
  /// - Parameters:
  ///   - values: [samples, width].
  ///   - variances: as many, above 0, where the model answers with them.
  public init(values: [Double], variances: [Double]? = nil, width: Int, antithetic: Bool = false) {
    self.init(values, width, variances, areValues: true, antithetic)
  }

  private init(
    _ probabilities: [Double], _ classes: Int, _ variances: [Double]?, areValues: Bool, _ antithetic: Bool
  ) {
    self.variances = variances
    areAntithetic = antithetic
    self.areValues = areValues
    precondition(
      classes > 0 && !probabilities.isEmpty && probabilities.count % classes == 0
        && variances?.count ?? probabilities.count == probabilities.count, "whole draws, at least one")
    let samples = probabilities.count / classes
    var mean = [Double](repeating: 0, count: classes), votes = [Int](repeating: 0, count: classes), entropies = 0.0
    for s in 0..<samples {
      let draw = probabilities[s * classes..<(s + 1) * classes]
      for (c, p) in draw.enumerated() { mean[c] += p }
      guard !areValues else { continue }
      let label = Label.of(draw)
      if label != Label.none { votes[label] += 1 }
      entropies += entropy(draw)
    }
    for c in 0..<classes { mean[c] /= Double(samples) }
    self.samples = samples
    self.classes = classes
    self.probabilities = probabilities
    self.mean = mean
    self.votes = votes
    deviation = Self.deviation(probabilities, mean, samples)
    meanEntropy = entropies / Double(samples)
  }

  private static func deviation(_ probabilities: [Double], _ mean: [Double], _ samples: Int) -> [Double]? {
    guard samples > 1 else { return nil }
    var sums = [Double](repeating: 0, count: mean.count)
    for s in 0..<samples {
      for c in mean.indices {
        let d = probabilities[s * mean.count + c] - mean[c]
        sums[c] += d * d
      }
    }
    return sums.map { ($0 / Double(samples - 1)).squareRoot() }
  }

  /// The first class of largest mean probability; ``Label/none`` where a draw has no answer.
  public var label: Int { areValues ? Label.none : Label.of(mean) }

  /// Whether every draw gave an answer: none was NaN or infinite.
  public var haveAnswers: Bool {
    guard areValues else { return label != Label.none }
    return mean.allSatisfy(\.isFinite) && variances?.allSatisfy(\.isFinite) ?? true
  }

  /// The mean over the draws of the variances that the model answers with, by value: what more data would leave
  /// (aleatoric), in the square of the value's unit; nil where it answers with none.
  public var meanVariance: [Double]? {
    variances.map { variances in
      (0..<classes).map { c in
        stride(from: c, to: variances.count, by: classes).reduce(0) { $0 + variances[$1] } / Double(samples)
      }
    }
  }

  /// The variance of each value, over the draws (ddof 1) and of the model's own answer together; nil where neither is
  /// known.
  var variance: [Double]? {
    guard let meanVariance else { return deviation?.map { $0 * $0 } }
    return deviation.map { zip(meanVariance, $0).map { $0 + $1 * $1 } } ?? meanVariance
  }

  /// The distribution of one value that the draws make.
  func mixture(of c: Int) -> NormalMixture {
    NormalMixture(
      means: byDraw(c),
      variances: variances.map { all in stride(from: c, to: all.count, by: classes).map { all[$0] } }
        ?? [Double](repeating: 0, count: samples))
  }

  /// The ``StandardError`` of the mean, of the class where it is largest; nil where too few draws were made to know it,
  /// and where a draw has no answer.
  public var standardError: Double? {
    guard haveAnswers else { return nil }
    if !areAntithetic { return deviation?.max().map { StandardError.ofMean(deviation: $0, draws: samples) } }
    return (0..<classes).compactMap { StandardError.ofMean(byDraw($0), antithetic: true) }.max()
  }

  /// Whether every draw gave the same numbers.
  private var areAlike: Bool { probabilities.indices.allSatisfy { probabilities[$0] == probabilities[$0 % classes] } }

  /// Draws among which an event of probability p is missing with probability 0.05 at most are 3 / p: the rule of three
  /// (Hanley and Lippman-Hand 1983, JAMA 249, 1743).
  private static let ruleOfThree = 3.0

  /// Whether the mean is known to a tolerance: its standard error is no larger, and one more draw of any kind would not
  /// move a probability by more. A value may be anything in the draw that was not made: of values no event of the noise
  /// may be likely to be missing, and they are not all alike.
  /// - Parameter rarer: ``NoiseModel/rarerProbability`` of the noise.
  package func isKnown(to tolerance: Double, rarer: Double?) -> Bool {
    guard let error = standardError, error <= tolerance else { return false }
    let independent = Double(areAntithetic ? samples / 2 : samples)
    guard areValues else { return 1 <= tolerance * independent }
    return !areAlike && rarer.map { independent * $0 >= Self.ruleOfThree } ?? true
  }

  /// A class's probability, or a value, in each draw.
  private func byDraw(_ c: Int) -> [Double] { (0..<samples).map { probabilities[$0 * classes + c] } }

  /// Quantiles of each class's probability over the draws, by linear interpolation between order statistics; of a
  /// regression that answers with variances the quantiles of the mixture of its normal distributions. nil where one
  /// answer without a variance is all there is: it tells nothing of any other.
  public func quantile(_ level: Double) -> [Double]? {
    guard samples > 1 || variances != nil else { return nil }
    return (0..<classes).map { c in
      if variances != nil { return mixture(of: c).quantile(level) }
      let sorted = byDraw(c).sorted()
      let position = level * Double(samples - 1), below = Int(position.rounded(.down))
      let above = min(below + 1, samples - 1)
      return sorted[below] + (position - Double(below)) * (sorted[above] - sorted[below])
    }
  }
}

/// −Σ p ln p in nats, with 0 ln 0 = 0.
func entropy(_ p: some Sequence<Double>) -> Double { p.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 } }
