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

  /// Draws whose pairs are all looked at; of more, each with as many that follow it.
  private static let mostPairs = 256

  /// The continuous ranked probability score of a value, E|X − x| − E|X − X'| / 2, in the value's unit: 0 at best, and
  /// |μ − x| where all draws are μ. Source: Gneiting and Raftery 2007, JASA 102, 4.2; of normal mixtures in closed form
  /// Grimit et al. 2006, Quarterly Journal of the Royal Meteorological Society 132.
  func rankedProbabilityScore(of x: Double) -> Double {
    let count = means.count
    let distance = zip(means, variances).reduce(0) { $0 + Self.meanDistance(x - $1.0, variance: $1.1) } / Double(count)
    // E|X − X'| over all pairs, each draw with itself among them.
    if variances.allSatisfy({ $0 == 0 }) {
      let sum = means.sorted().enumerated().reduce(0.0) { $0 + Double(2 * $1.offset + 1 - count) * $1.element }
      return distance - sum / Double(count * count)
    }
    let steps = min(count, Self.mostPairs)
    var sum = 0.0
    for step in 0..<steps {
      for a in 0..<count {
        let b = (a + step) % count
        sum += Self.meanDistance(means[a] - means[b], variance: variances[a] + variances[b])
      }
    }
    return distance - sum / Double(2 * count * steps)
  }

  /// E|Z| of a normal Z.
  private static func meanDistance(_ mean: Double, variance: Double) -> Double {
    guard variance > 0 else { return abs(mean) }
    let deviation = variance.squareRoot(), z = mean / deviation
    return deviation * ((2 / .pi).squareRoot() * exp(-z * z / 2) + z * erf(z / 2.0.squareRoot()))
  }
}
