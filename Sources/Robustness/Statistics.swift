import Foundation

/// A share of successes with its 95 % interval.
public struct Proportion: Codable, Sendable, Equatable {
  public var successes: Int
  public var n: Int

  public init(_ successes: Int, of n: Int) {
    self.successes = successes
    self.n = n
  }
  public init(_ outcomes: [Bool]) { self.init(outcomes.count { $0 }, of: outcomes.count) }

  public var value: Double { n == 0 ? 0 : Double(successes) / Double(n) }

  /// Wilson's score interval at 95 %. Wilson 1927, JASA 22; Brown et al. 2001, Statistical Science 16.
  public var interval: Interval {
    guard n > 0 else { return Interval(low: 0, high: 1) }
    let z = Statistics.z95, n = Double(n), p = value
    let centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    let half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    return Interval(
      low: successes == 0 ? 0 : max(centre - half, 0), high: successes == self.n ? 1 : min(centre + half, 1))
  }
}

/// From `low` to `high`, both included. As JSON: `[low, high]`.
public struct Interval: Codable, Sendable, Equatable {
  public var low: Double
  public var high: Double

  public init(low: Double, high: Double) {
    self.low = low
    self.high = high
  }
  public init(from decoder: any Decoder) throws {
    var list = try decoder.unkeyedContainer()
    low = try list.decode(Double.self)
    high = try list.decode(Double.self)
  }
  public func encode(to encoder: any Encoder) throws {
    var list = encoder.unkeyedContainer()
    try list.encode(low)
    try list.encode(high)
  }
}

public enum Statistics {
  /// The 97.5 % quantile of the standard normal distribution.
  static let z95 = 1.959963984540054

  /// McNemar's exact two-sided test on the discordant pairs: binomial with probability ½. McNemar 1947, Psychometrika 12.
  public static func mcnemar(onlyFirst: Int, onlySecond: Int) -> Double {
    let n = onlyFirst + onlySecond, k = min(onlyFirst, onlySecond)
    guard n > 0, 2 * k < n else { return 1 }
    let logs = (0...k).map { logChoose(n, $0) - Double(n) * log(2) }
    return min(1, 2 * logs.reduce(0) { $0 + exp($1) })
  }

  /// The 95 % interval of a difference of paired proportions: Newcombe's hybrid of score intervals with the correction for
  /// continuity in the correlation. Newcombe 1998, Statistics in Medicine 17, 2635–2650, method 10.
  /// - Parameters: how many examples both, only the first, only the second and neither got right.
  public static func pairedDifference(both: Int, onlyFirst: Int, onlySecond: Int, neither: Int) -> Interval {
    let n = both + onlyFirst + onlySecond + neither
    guard n > 0 else { return Interval(low: -1, high: 1) }
    let first = Proportion(both + onlyFirst, of: n), second = Proportion(both + onlySecond, of: n)
    let a = Double(both), b = Double(onlyFirst), c = Double(onlySecond), d = Double(neither)
    let spread = ((a + b) * (c + d) * (a + c) * (b + d)).squareRoot()
    var covariance = a * d - b * c
    if covariance > 0 { covariance = max(covariance - Double(n) / 2, 0) }
    let correlation = spread > 0 ? covariance / spread : 0
    func arm(_ x: Double, _ y: Double) -> Double { max(x * x - 2 * correlation * x * y + y * y, 0).squareRoot() }
    let difference = first.value - second.value
    return Interval(
      low: max(-1, difference - arm(first.value - first.interval.low, second.interval.high - second.value)),
      high: min(1, difference + arm(first.interval.high - first.value, second.value - second.interval.low)))
  }

  private static func logChoose(_ n: Int, _ k: Int) -> Double {
    lgamma(Double(n + 1)) - lgamma(Double(k + 1)) - lgamma(Double(n - k + 1))
  }
}
