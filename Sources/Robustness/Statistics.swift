/// A share of successes with its 95 % interval.
public struct Proportion: Codable, Sendable, Equatable {
  /// Cases that were counted.
  public var successes: Int
  /// All cases.
  public var n: Int

  public init(_ successes: Int, of n: Int) {
    self.successes = successes
    self.n = n
  }
  public init(_ outcomes: [Bool]) { self.init(outcomes.count { $0 }, of: outcomes.count) }

  /// The share; 0 without cases.
  public var value: Double { n == 0 ? 0 : Double(successes) / Double(n) }

  /// Wilson's score interval at 95 %. Wilson 1927, JASA 22; Brown et al. 2001, Statistical Science 16.
  public var interval: Interval {
    n > 0 ? Self.wilson(value, n: Double(n)) : Interval(low: 0, high: 1)
  }

  /// - Parameter n: need not be whole.
  static func wilson(_ p: Double, n: Double) -> Interval {
    let z = Statistics.z95
    let center = (p + z * z / (2 * n)) / (1 + z * z / n)
    let half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    return Interval(
      low: p == 0 ? 0 : max(center - half, 0), high: p == 1 ? 1 : min(center + half, 1))
  }
}

/// From `low` to `high`, both included. As JSON: `[low, high]`.
public struct Interval: Codable, Sendable, Equatable {
  /// The lower end.
  public var low: Double
  /// The upper end.
  public var high: Double

  /// - Parameter high: at least `low`.
  public init(low: Double, high: Double) {
    self.low = low
    self.high = high
  }

  /// The interval of a number that cannot lie outside of the range, as a share or a loss cannot.
  func clamped(to range: ClosedRange<Double>) -> Interval {
    func inside(_ value: Double) -> Double { min(max(value, range.lowerBound), range.upperBound) }
    return Interval(low: inside(low), high: inside(high))
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

/// This module's statistics, by subject.
public enum Statistics {
  /// The 97.5 % quantile of the standard normal distribution.
  static let z95 = 1.959963984540054
}
