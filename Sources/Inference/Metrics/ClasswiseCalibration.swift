/// The calibration error of every class's probability, not of the likeliest's alone: over the classes k the mean of the
/// expected calibration error of "the class is k", in bins of equal width of p_k; 0 to 1. Kull et al. 2019, arXiv
/// 1910.12656 (classwise-ECE); Nixon et al. 2019, arXiv 1904.01685 (static calibration error).
package struct ClasswiseCalibration {
  private let classes: Int
  private let bins: Int
  /// [B][C]: the bin of each class's probability.
  private let places: [UInt16]
  private let probabilities: [[Double]]
  private let labels: [Int]

  /// - Parameters:
  ///   - probabilities: [B][C].
  ///   - bins: at most 65 535.
  package init(_ probabilities: [[Double]], _ labels: [Int], bins: Int = 15) {
    classes = probabilities.first?.count ?? 0
    self.bins = bins
    self.probabilities = probabilities
    self.labels = labels
    places = probabilities.flatMap { p in p.map { UInt16(Metrics.bin(of: $0, among: bins)) } }
  }

  /// - Parameter rows: the examples that count, each as often as it stands here.
  package func error(of rows: some Collection<Int>) -> Double {
    guard !rows.isEmpty, classes > 0 else { return 0 }
    var gaps = [Double](repeating: 0, count: classes * bins)
    for row in rows {
      let p = probabilities[row]
      for k in 0..<classes {
        gaps[k * bins + Int(places[row * classes + k])] += p[k] - (k == labels[row] ? 1 : 0)
      }
    }
    return gaps.reduce(0) { $0 + abs($1) } / Double(rows.count * classes)
  }
}

extension Metrics {
  /// ``ClasswiseCalibration`` of all examples.
  public static func classwiseCalibrationError(_ probabilities: [[Double]], _ labels: [Int], bins: Int = 15) -> Double {
    ClasswiseCalibration(probabilities, labels, bins: bins).error(of: probabilities.indices)
  }

  /// The bin of equal width that a probability is in: [a, b), the last [a, 1].
  static func bin(of probability: Double, among bins: Int) -> Int {
    var index = min(max(Int(probability * Double(bins)), 0), bins - 1)
    // The product rounds; the edges decide.
    if index + 1 < bins, probability >= Double(index + 1) / Double(bins) { index += 1 }
    if index > 0, probability < Double(index) / Double(bins) { index -= 1 }
    return index
  }
}
