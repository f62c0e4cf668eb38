import Foundation

/// The worth of a set of predictions: functions of class probabilities [B][C] and labels [B].
public enum Metrics {
  /// Share of the examples whose most probable class is the label, in [0, 1].
  public static func accuracy(_ probabilities: [[Double]], _ labels: [Int]) -> Double {
    mean(zip(probabilities, labels).map { Label.of($0) == $1 ? 1 : 0 })
  }

  /// Mean −ln p[label] in nats. What underflowed to 0 counts as the least normal double, 708.4 nats; from logits
  /// ``ModelSignature/losses(_:labels:temperature:)`` has no such bound.
  public static func negativeLogLikelihood(_ probabilities: [[Double]], _ labels: [Int]) -> Double {
    mean(losses(probabilities, labels))
  }

  /// [B]: −ln p[label], in nats.
  package static func losses(_ probabilities: [[Double]], _ labels: [Int]) -> [Double] {
    zip(probabilities, labels).map { max(-log(max($0[$1], .leastNormalMagnitude)), 0) }
  }

  /// Mean over examples of Σ_k (p_k − y_k)²: 0 to 2. Brier 1950.
  public static func brier(_ probabilities: [[Double]], _ labels: [Int]) -> Double {
    mean(brierScores(probabilities, labels))
  }

  /// [B]: Σ_k (p_k − y_k)².
  package static func brierScores(_ probabilities: [[Double]], _ labels: [Int]) -> [Double] {
    zip(probabilities, labels).map { p, label in
      p.indices.reduce(0) { sum, k in
        let d = p[k] - (k == label ? 1 : 0)
        return sum + d * d
      }
    }
  }

  /// One bin of a reliability diagram: examples whose largest probability lies between its bounds.
  public struct ReliabilityBin: Codable, Sendable, Equatable {
    public var lower: Double
    /// The upper bound, excluded but in the last bin.
    public var upper: Double
    /// Examples in the bin.
    public var count: Int
    /// Sums over the bin's examples, so that an empty bin has no mean and claims none.
    public var confidenceSum: Double
    /// Examples in the bin whose most probable class is the label.
    public var correct: Int
    /// |mean largest probability − accuracy|; nil for an empty bin.
    public var gap: Double? { count == 0 ? nil : abs(confidenceSum - Double(correct)) / Double(count) }
  }

  /// Equal-width bins of the largest probability: [a, b), the last [a, 1]. Guo et al. 2017, arXiv 1706.04599.
  public static func reliability(_ probabilities: [[Double]], _ labels: [Int], bins: Int = 15) -> [ReliabilityBin] {
    let (confidence, correct) = outcomes(probabilities, labels)
    return reliability(confidence: confidence, correct: correct, bins: bins)
  }

  /// Bins of what ``outcomes(_:_:)`` gives.
  package static func reliability(confidence: [Double], correct: [Bool], bins: Int = 15) -> [ReliabilityBin] {
    var result = (0..<bins).map {
      ReliabilityBin(
        lower: Double($0) / Double(bins), upper: Double($0 + 1) / Double(bins), count: 0, confidenceSum: 0, correct: 0)
    }
    for (confidence, isRight) in zip(confidence, correct) {
      let index = bin(of: confidence, among: bins)
      result[index].count += 1
      result[index].confidenceSum += confidence
      if isRight { result[index].correct += 1 }
    }
    return result
  }

  /// Expected, maximum and root-mean-square calibration error over reliability bins.
  public static func calibrationErrors(_ bins: [ReliabilityBin]) -> (expected: Double, maximum: Double, rms: Double) {
    let total = Double(max(bins.reduce(0) { $0 + $1.count }, 1))
    let gaps = bins.compactMap { bin in bin.gap.map { ($0, Double(bin.count) / total) } }
    return (
      gaps.reduce(0) { $0 + $1.0 * $1.1 }, gaps.map(\.0).max() ?? 0,
      gaps.reduce(0) { $0 + $1.0 * $1.0 * $1.1 }.squareRoot()
    )
  }

  /// The expected calibration error: gaps of equal-width bins, weighted by their examples. Guo et al. 2017,
  /// arXiv 1706.04599.
  public static func expectedCalibrationError(_ probabilities: [[Double]], _ labels: [Int], bins: Int = 15) -> Double {
    calibrationErrors(reliability(probabilities, labels, bins: bins)).expected
  }

  /// The calibration error over bins of equal mass: examples sorted by confidence, the first (B mod bins) bins one
  /// larger. Equal confidences carry no order and stay in one bin, the one that their middle falls into. Nixon et al.
  /// 2019, arXiv 1904.01685.
  public static func adaptiveCalibrationError(_ probabilities: [[Double]], _ labels: [Int], bins: Int = 15) -> Double {
    let (confidence, correct) = outcomes(probabilities, labels)
    let order = confidence.indices.sorted { confidence[$0] < confidence[$1] }
    return adaptiveCalibrationError(
      rising: order.map { confidence[$0] }, correct: order.map { correct[$0] }, bins: bins)
  }

  /// The same, where ``outcomes(_:_:)`` are sorted already.
  /// - Parameter confidence: in rising order.
  package static func adaptiveCalibrationError(rising confidence: [Double], correct: [Bool], bins: Int = 15) -> Double {
    let n = confidence.count, small = n / bins, larger = n % bins
    var gaps = [Double](repeating: 0, count: bins), start = 0
    while start < n {
      var end = start + 1
      while end < n, confidence[end] == confidence[start] { end += 1 }
      let middle = (start + end - 1) / 2, boundary = larger * (small + 1)
      let bin = middle < boundary ? middle / (small + 1) : larger + (middle - boundary) / max(small, 1)
      // Right answers are counted, not summed in their order.
      gaps[bin] += Double(end - start) * confidence[start] - Double(correct[start..<end].count { $0 })
      start = end
    }
    return gaps.reduce(0) { $0 + abs($1) } / Double(max(n, 1))
  }

  /// The largest probability of each example, and whether its class is right.
  package static func outcomes(
    _ probabilities: [[Double]], _ labels: [Int]
  ) -> (confidence: [Double], correct: [Bool]) {
    let best = probabilities.map(Label.of)
    // An answer that is none is sure of nothing.
    return (zip(probabilities, best).map { $1 == Label.none ? 0 : $0[$1] }, zip(best, labels).map { $0 == $1 })
  }

  static func mean(_ values: [Double]) -> Double { values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count) }
}
