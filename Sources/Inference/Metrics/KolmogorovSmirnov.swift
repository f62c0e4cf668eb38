import Foundation

/// Whether two samples are of one distribution, by the largest distance between their distribution functions
/// (Kolmogorov 1933; Smirnov 1948).
public enum KolmogorovSmirnov {
  /// The distance, in [0, 1].
  /// - Parameters:
  ///   - a: in rising order, not empty.
  ///   - b: the same.
  public static func distance(rising a: [Float], _ b: [Float]) -> Double {
    var i = 0, j = 0, most = 0.0
    while i < a.count, j < b.count {
      let value = min(a[i], b[j])
      // Equal values step together, else their order would count.
      while i < a.count, a[i] <= value { i += 1 }
      while j < b.count, b[j] <= value { j += 1 }
      most = max(most, abs(Double(i) / Double(a.count) - Double(j) / Double(b.count)))
    }
    return most
  }

  /// How likely two samples of one distribution are at least so far apart: the limit for large samples with the
  /// correction for small ones of Stephens 1970. Too large, never too small, where values are equal.
  /// - Parameters:
  ///   - a: the numbers in the one sample, above 0.
  ///   - b: and in the other.
  public static func tail(distance: Double, _ a: Int, _ b: Int) -> Double {
    let root = (Double(a) * Double(b) / Double(a + b)).squareRoot()
    return tail((root + 0.12 + 0.11 / root) * distance)
  }

  /// 2 Σ_j (−1)^(j−1) exp(−2 j² λ²), the chance that the scaled distance is above λ.
  public static func tail(_ lambda: Double) -> Double {
    // Below it the sum needs many terms and is 1 to sixteen digits.
    guard lambda > 0.15 else { return 1 }
    var sum = 0.0
    for j in 1...100 {
      let term = exp(-2 * Double(j * j) * lambda * lambda)
      sum += j % 2 == 1 ? term : -term
      if term < 1e-17 { break }
    }
    return min(max(2 * sum, 0), 1)
  }
}
