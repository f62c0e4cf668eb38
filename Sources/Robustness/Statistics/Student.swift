extension Statistics {
  /// The 97.5 % quantile of Student's t distribution: 12.7 at one degree of freedom, 1.96 at many. Student 1908,
  /// Biometrika 6.
  package static func t95(degrees: Int) -> Double {
    precondition(degrees > 0, "at least one degree of freedom")
    let n = Double(degrees), x = inverseIncompleteBeta(n / 2, 0.5, 0.05)
    return (n * (1 - x) / x).squareRoot()
  }

  /// The two-sided p-value of a t statistic.
  /// - Parameter degrees: of freedom, above 0.
  package static func studentTest(_ t: Double, _ degrees: Double) -> Double {
    incompleteBeta(degrees / 2, 0.5, degrees / (degrees + t * t))
  }

  /// The mean with its 95 % interval by Student's t; none of one value, which says nothing of its own spread.
  package static func mean(_ values: [Double]) -> (value: Double, interval: Interval?) {
    let n = Double(values.count), mean = values.reduce(0, +) / max(n, 1)
    guard values.count > 1 else { return (mean, nil) }
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
    let half = t95(degrees: values.count - 1) * (variance / n).squareRoot()
    return (mean, Interval(low: mean - half, high: mean + half))
  }
}
