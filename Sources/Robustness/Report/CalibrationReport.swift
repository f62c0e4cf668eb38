import DitherInference

/// Whether probabilities mean what they say, over all examples.
public struct Calibration: Codable, Sendable, Equatable {
  /// The share of examples that are answered rightly.
  public var accuracy: Double
  /// Mean −ln p of the true class, in nats: from the logits, by log-softmax; where a model gives probabilities, 0
  /// counts as the least single-precision number, 103.3 nats, and the check `zero_probability` counts such examples.
  /// The intervals of this and of what follows are of 95 %: the percentile bootstrap over the examples, 200 resamples.
  public var nll: Double
  /// The NLL's.
  public var nllInterval: Interval
  /// Mean squared distance of the probabilities from the truth, 0 to 2. Brier 1950.
  public var brier: Double
  /// The Brier score's.
  public var brierInterval: Interval
  /// Expected calibration error over 15 bins of the largest probability, of equal width; 0 to 1. Guo et al. 2017, arXiv
  /// 1706.04599.
  public var ece15: Double
  /// The ECE's.
  public var ece15Interval: Interval
  /// The same over 15 bins with as many examples each. Nixon et al. 2019, arXiv 1904.01685.
  public var adaptiveEce15: Double
  /// The adaptive ECE's.
  public var adaptiveEce15Interval: Interval
  /// The bins of the ECE, rising.
  public var bins: [Bin]

  /// Examples whose largest probability is in one range.
  public struct Bin: Codable, Sendable, Equatable {
    /// The least probability of the bin.
    public var lower: Double
    /// The largest probability of the bin.
    public var upper: Double
    /// Examples in it.
    public var count: Int
    /// Means over the bin's examples; left out where it has none.
    public var meanProbability: Double?
    /// The share of them that is answered rightly.
    public var accuracy: Double?
    /// The accuracy's interval: Wilson's, 95 %.
    public var interval: Interval?
  }

  /// - Parameter losses: −ln of each true class's probability.
  init(_ probabilities: [[Double]], _ labels: [Int], losses: [Double]) {
    let reliability = Metrics.reliability(probabilities, labels)
    accuracy = Metrics.accuracy(probabilities, labels)
    nll = losses.reduce(0, +) / Double(max(losses.count, 1))
    brier = Metrics.brier(probabilities, labels)
    ece15 = Metrics.calibrationErrors(reliability).expected
    adaptiveEce15 = Metrics.adaptiveCalibrationError(probabilities, labels)
    let intervals = Self.intervals(probabilities, labels, losses)
    (nllInterval, brierInterval) = (intervals[0], intervals[1])
    (ece15Interval, adaptiveEce15Interval) = (intervals[2], intervals[3])
    bins = reliability.map { bin in
      let count = Double(bin.count), isEmpty = bin.count == 0
      return Bin(
        lower: bin.lower, upper: bin.upper, count: bin.count,
        meanProbability: isEmpty ? nil : bin.confidenceSum / count,
        accuracy: isEmpty ? nil : Double(bin.correct) / count,
        interval: isEmpty ? nil : Proportion(bin.correct, of: bin.count).interval)
    }
  }

  /// Intervals of NLL, Brier score, ECE and adaptive ECE.
  private static func intervals(_ probabilities: [[Double]], _ labels: [Int], _ losses: [Double]) -> [Interval] {
    let all = Metrics.outcomes(probabilities, labels)
    // A resample is in the order of this: its bins of equal mass need no sorting.
    let scores = Metrics.brierScores(probabilities, labels)
    // Ties too are in one order, whatever the examples' is.
    let order = all.confidence.indices.sorted {
      (all.confidence[$0], losses[$0], scores[$0]) < (all.confidence[$1], losses[$1], scores[$1])
    }
    let confidence = order.map { all.confidence[$0] }, correct = order.map { all.correct[$0] }
    let (loss, score) = (order.map { losses[$0] }, order.map { scores[$0] })
    return Bootstrap([order.count], resamples: 200).intervals { drawn in
      let places = drawn[0], count = Double(max(places.count, 1))
      let (p, isRight) = (places.map { confidence[$0] }, places.map { correct[$0] })
      return [
        places.reduce(0) { $0 + loss[$1] } / count, places.reduce(0) { $0 + score[$1] } / count,
        Metrics.calibrationErrors(Metrics.reliability(confidence: p, correct: isRight)).expected,
        Metrics.adaptiveCalibrationError(rising: p, correct: isRight),
      ]
    }.map { $0 ?? Interval(low: 0, high: 0) }
  }
}
