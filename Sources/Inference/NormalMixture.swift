import Foundation

/// Normal distributions of one weight: what draws of a regression with a variance of its own say together.
struct NormalMixture {
  var means: [Double]
  /// As many, from 0.
  var variances: [Double]

  /// The probability of at most `x`.
  func cumulative(_ x: Double) -> Double {
    zip(means, variances).reduce(0) { sum, part in
      let distance = x - part.0
      guard part.1 > 0 else { return sum + (distance >= 0 ? 1 : 0) }
      return sum + erfc(-distance / (2 * part.1).squareRoot()) / 2
    } / Double(means.count)
  }

  /// The value that is not exceeded with this probability, by bisection to the last bits; infinite at 0 and at 1, NaN
  /// where a mean or a variance is no number.
  func quantile(_ level: Double) -> Double {
    guard level > 0, level < 1 else { return level <= 0 ? -.infinity : .infinity }
    let deviations = variances.map { $0.squareRoot() }
    guard means.allSatisfy(\.isFinite), deviations.allSatisfy(\.isFinite) else { return .nan }
    // Forty deviations hold all that a double can tell from 0 and 1.
    var low = zip(means, deviations).map { $0 - 40 * $1 }.min() ?? 0
    var high = zip(means, deviations).map { $0 + 40 * $1 }.max() ?? 0
    for _ in 0..<100 {
      let middle = low + (high - low) / 2
      guard low < middle, middle < high else { break }
      if cumulative(middle) < level { low = middle } else { high = middle }
    }
    return high
  }
}
