import Foundation

/// The class probabilities of one example over Monte-Carlo draws: what every uncertainty measure reads.
public struct Draws: Sendable {
  public let samples: Int
  public let classes: Int
  /// [samples, classes].
  public let probabilities: [Double]
  /// The mean over the draws.
  public let mean: [Double]
  /// How many draws have each class as their label; draws without an answer are no class's.
  public let votes: [Int]
  /// Draws 2 i and 2 i + 1 belong together: their errors are not independent.
  public let areAntithetic: Bool

  /// - Parameter probabilities: [samples, classes], each draw summing to 1.
  public init(probabilities: [Double], classes: Int, antithetic: Bool = false) {
    areAntithetic = antithetic
    precondition(
      classes > 0 && !probabilities.isEmpty && probabilities.count % classes == 0, "whole draws, at least one")
    let samples = probabilities.count / classes
    var mean = [Double](repeating: 0, count: classes), votes = [Int](repeating: 0, count: classes)
    for s in 0..<samples {
      let draw = probabilities[s * classes..<(s + 1) * classes], label = Label.of(draw)
      for (c, p) in draw.enumerated() { mean[c] += p }
      if label != Label.none { votes[label] += 1 }
    }
    for c in 0..<classes { mean[c] /= Double(samples) }
    self.samples = samples
    self.classes = classes
    self.probabilities = probabilities
    self.mean = mean
    self.votes = votes
  }

  /// The first class of largest mean probability; ``Label/none`` where a draw has no answer.
  public var label: Int { Label.of(mean) }

  /// The standard deviation over the draws, by class: ddof 1, and 0 for a single draw.
  public var deviation: [Double] {
    guard samples > 1 else { return [Double](repeating: 0, count: classes) }
    var sums = [Double](repeating: 0, count: classes)
    for s in 0..<samples {
      for c in 0..<classes {
        let d = probabilities[s * classes + c] - mean[c]
        sums[c] += d * d
      }
    }
    return sums.map { ($0 / Double(samples - 1)).squareRoot() }
  }

  /// The standard deviation of the mean, of the class where it is largest; of antithetic draws, that of the pairs' means. NaN where a
  /// draw has no answer.
  public var standardError: Double {
    guard label != Label.none else { return .nan }
    guard areAntithetic, samples >= 4 else { return (deviation.max() ?? 0) / Double(samples).squareRoot() }
    let pairs = samples / 2
    var worst = 0.0
    for c in 0..<classes {
      let means = (0..<pairs).map {
        (probabilities[2 * $0 * classes + c] + probabilities[(2 * $0 + 1) * classes + c]) / 2
      }
      let center = means.reduce(0, +) / Double(pairs)
      worst = max(worst, means.reduce(0) { $0 + ($1 - center) * ($1 - center) } / Double(pairs - 1))
    }
    return (worst / Double(pairs)).squareRoot()
  }

  /// Of each class's probability over the draws, by linear interpolation between order statistics.
  public func quantile(_ level: Double) -> [Double] {
    (0..<classes).map { c in
      let sorted = (0..<samples).map { probabilities[$0 * classes + c] }.sorted()
      let position = level * Double(samples - 1), below = Int(position.rounded(.down))
      let above = min(below + 1, samples - 1)
      return sorted[below] + (position - Double(below)) * (sorted[above] - sorted[below])
    }
  }
}

/// −Σ p ln p in nats, with 0 ln 0 = 0.
func entropy(_ p: some Sequence<Double>) -> Double { p.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 } }
