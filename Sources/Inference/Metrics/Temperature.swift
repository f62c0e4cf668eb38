import Foundation

/// Temperature scaling: softmax(z / T), T fitted on held-out likelihood. Guo et al. 2017, arXiv 1706.04599.
public enum Temperature {
  /// The T that minimises the mean negative log-likelihood of one draw's logits.
  ///
  /// The likelihood is convex in 1/T, so its derivative has one root, which is bracketed and bisected.
  public static func fit(logits: [[Double]], labels: [Int]) -> Double {
    func slope(_ inverse: Double) -> Double {
      var sum = 0.0
      for (z, label) in zip(logits, labels) {
        let top = z.max() ?? 0
        var total = 0.0, weighted = 0.0
        for value in z {
          let e = exp((value - top) * inverse)
          total += e
          weighted += e * value
        }
        sum += weighted / total - z[label]
      }
      return sum
    }
    var low = 1e-4, high = 1e4
    guard slope(low) < 0 else { return 1 / low }
    guard slope(high) > 0 else { return 1 / high }
    for _ in 0..<200 {
      let middle = (low * high).squareRoot()
      if slope(middle) < 0 { low = middle } else { high = middle }
    }
    return 1 / (low * high).squareRoot()
  }
}
