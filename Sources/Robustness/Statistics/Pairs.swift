extension Statistics {
  /// McNemar's exact two-sided test on the discordant pairs: binomial with probability ½. McNemar 1947, Psychometrika
  /// 12.
  public static func mcnemar(onlyFirst: Int, onlySecond: Int) -> Double { fairCoinTest(onlyFirst, onlySecond) }

  /// The 95 % interval of a difference of paired proportions: Newcombe's hybrid of score intervals with the correction
  /// for continuity in the correlation. Newcombe 1998, Statistics in Medicine 17, 2635–2650, method 10.
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
}
