import DitherBasics
import Foundation

/// Temperature scaling: softmax(z / T), T fitted on held-out likelihood. Guo et al. 2017, arXiv 1706.04599. Of a random
/// model each draw's logits are scaled, and the draws' probabilities then averaged.
public enum Temperature {
  /// 2 ^ -10 to 2 ^ 10: what lies outside says that the model or the labels are broken.
  private static let exponents = -10.0...10.0

  /// The T that minimizes the mean negative log-likelihood.
  ///
  /// In 1/T the likelihood of one draw is convex; the average of several need not be. So its least value is looked for
  /// on a grid, and the derivative's root beside it is bisected.
  /// - Parameters:
  ///   - logits: by example, [samples, classes].
  ///   - classes: nil: one sample each.
  /// - Returns: from 2 ^ -10 to 2 ^ 10, neither end.
  /// - Throws: when the examples say nothing of T: the mean probabilities answer each of them right, so that ever
  ///   smaller temperatures are likelier, or the best lies at an end of the range.
  public static func fit(logits: [[Double]], classes: Int? = nil, labels: [Int]) throws(InferenceError) -> Double {
    let right = zip(logits, labels).count { logits, label in
      Label.of(mean(logits, classes: classes ?? logits.count, temperature: 1)) == label
    }
    guard right < labels.count else { throw refusal("each answered right", of: labels.count) }
    func measure(_ inverse: Double) -> (loss: Double, slope: Double) {
      zip(logits, labels).reduce(into: (0, 0)) { sum, example in
        let one = self.measure(example.0, classes ?? example.0.count, example.1, inverse)
        sum.0 += one.loss
        sum.1 += one.slope
      }
    }
    let grid = stride(from: exponents.lowerBound, through: exponents.upperBound, by: 0.25).map { exp2($0) }
    let losses = grid.map { measure($0).loss }
    // A point that is no better than an end lies on a plateau that reaches it.
    guard let best = grid.indices.min(by: { losses[$0] < losses[$1] }), best > 0, losses[best] < losses[grid.count - 1]
    else {
      let end = losses[0] <= losses[grid.count - 1] ? "1024 or above" : "1/1024 or below"
      throw refusal("\(right) answered right, likeliest at a temperature of \(end)", of: labels.count)
    }
    var low = grid[best - 1], high = grid[best + 1]
    for _ in 0..<100 {
      let middle = (low * high).squareRoot()
      if measure(middle).slope < 0 { low = middle } else { high = middle }
    }
    return 1 / (low * high).squareRoot()
  }

  private static func refusal(_ found: String, of count: Int) -> InferenceError {
    InferenceError(
      .labels, at: "examples that the temperature is fitted on",
      expected: "some that are answered wrongly, and the others right, so that one temperature is the likeliest",
      got: "\(count), \(found)", advice: "send more examples, with the labels that belong to them")
  }

  /// The mean over the draws of softmax(z / T).
  /// - Parameter logits: [samples, classes].
  public static func mean(_ logits: [Double], classes: Int, temperature: Double) -> [Double] {
    var mean = [Double](repeating: 0, count: classes)
    let share = Double(classes) / Double(max(logits.count, 1))
    for start in stride(from: 0, to: logits.count, by: classes) {
      let z = logits[start..<start + classes], largest = z.max() ?? 0
      let e = z.map { exp(($0 - largest) / temperature) }, total = e.reduce(0, +)
      for c in 0..<classes { mean[c] += e[c] / total * share }
    }
    return mean
  }

  /// −ln of the true class's mean probability, and its derivative for 1/T.
  private static func measure(
    _ logits: [Double], _ classes: Int, _ label: Int, _ inverse: Double
  ) -> (loss: Double, slope: Double) {
    // Sums over the draws, each scaled by the largest log-probability so far, so that none vanishes.
    var top = -Double.infinity, sum = 0.0, slopes = 0.0
    for start in stride(from: 0, to: logits.count, by: classes) {
      let z = logits[start..<start + classes], largest = z.max() ?? 0
      var total = 0.0, weighted = 0.0
      for value in z {
        let e = exp((value - largest) * inverse)
        total += e
        weighted += e * value
      }
      let logP = (z[start + label] - largest) * inverse - log(total), slope = z[start + label] - weighted / total
      if logP > top {
        let scale = exp(top - logP)
        (sum, slopes, top) = (sum * scale, slopes * scale, logP)
      }
      sum += exp(logP - top)
      slopes += exp(logP - top) * slope
    }
    return (log(Double(logits.count / classes)) - log(sum) - top, -slopes / sum)
  }
}
