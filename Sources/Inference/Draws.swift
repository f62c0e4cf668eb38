import Foundation

/// The class probabilities of one example over Monte-Carlo draws, or the values of a regression: what every uncertainty measure reads.
public struct Draws: Sendable {
  public let samples: Int
  /// Of each draw: the classes, or the values of a regression.
  public let classes: Int
  /// [samples, classes]; of a regression its values.
  public let probabilities: [Double]
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
    self.init(probabilities, classes, areValues: false, antithetic)
  }

  /// A regression's.
  /// - Parameter values: [samples, width].
  public init(values: [Double], width: Int, antithetic: Bool = false) {
    self.init(values, width, areValues: true, antithetic)
  }

  private init(_ probabilities: [Double], _ classes: Int, areValues: Bool, _ antithetic: Bool) {
    areAntithetic = antithetic
    self.areValues = areValues
    precondition(
      classes > 0 && !probabilities.isEmpty && probabilities.count % classes == 0, "whole draws, at least one")
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
  public var haveAnswers: Bool { areValues ? mean.allSatisfy(\.isFinite) : label != Label.none }

  /// The ``StandardError`` of the mean, of the class where it is largest; nil where too few draws were made to know it, and where a draw has no
  /// answer.
  public var standardError: Double? {
    guard haveAnswers else { return nil }
    if !areAntithetic { return deviation?.max().map { StandardError.ofMean(deviation: $0, draws: samples) } }
    return (0..<classes).compactMap { StandardError.ofMean(byDraw($0), antithetic: true) }.max()
  }

  /// A class's probability in each draw.
  private func byDraw(_ c: Int) -> [Double] { (0..<samples).map { probabilities[$0 * classes + c] } }

  /// Of each class's probability over the draws, by linear interpolation between order statistics.
  public func quantile(_ level: Double) -> [Double] {
    (0..<classes).map { c in
      let sorted = byDraw(c).sorted()
      let position = level * Double(samples - 1), below = Int(position.rounded(.down))
      let above = min(below + 1, samples - 1)
      return sorted[below] + (position - Double(below)) * (sorted[above] - sorted[below])
    }
  }
}

/// −Σ p ln p in nats, with 0 ln 0 = 0.
func entropy(_ p: some Sequence<Double>) -> Double { p.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 } }
