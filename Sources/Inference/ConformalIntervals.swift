/// Intervals of a regression's values that hold the true ones as often as asked on exchangeable data: an answer's own
/// band, moved out by distances that an ``IntervalCalibration`` found.
public struct ConformalIntervals: Sendable, Hashable {
  /// The band that is moved, and in which unit.
  public enum Rule: String, Sendable, CaseIterable {
    /// The mean alone, moved out by one distance (split conformal; Lei et al. 2018, JASA 113, arXiv 1604.04173).
    case absolute
    /// The mean alone, in units of the answer's own standard deviation: wider where the model is unsure (the same,
    /// 5.2).
    case normalized
    /// The answer's own central quantiles, moved out or in (conformalized quantile regression; Romano et al. 2019,
    /// arXiv 1905.03222).
    case quantiles
  }

  /// From `lower` to `upper`, before it is moved by multiples of `unit`.
  struct Band {
    var lower: Double
    var upper: Double
    var unit: Double

    /// By how many units it has to be moved out to hold a value; below 0 where it could be moved in.
    func score(_ value: Double) -> Double { max(lower - value, value - upper) / unit }

    /// The ends of the band moved by so many units; one that is moved in past its own middle is that middle.
    func moved(by units: Double) -> (lower: Double, upper: Double) {
      let (low, high) = (lower - units * unit, upper + units * unit)
      guard low > high else { return (low, high) }
      let middle = lower + (upper - lower) / 2
      return (middle, middle)
    }
  }

  /// The measure of the lower ends in an answer.
  public static let lowerName = "conformal_lower"
  /// The measure of the upper ends in an answer.
  public static let upperName = "conformal_upper"
  /// Both measures.
  public static let names = [lowerName, upperName]

  /// By which they are made.
  public let rule: Rule
  /// The share that an answer's own central quantiles would hold if they were right; of `quantiles` alone.
  public let level: Double
  /// By value: how far its band is moved.
  public let thresholds: [Double]

  /// The bands of an answer, by value.
  /// - Returns: nil where the answer has no deviation or no quantiles of its own, and the rule needs them.
  static func bands(_ rule: Rule, level: Double, _ draws: Draws) -> [Band]? {
    switch rule {
    case .absolute: return draws.mean.map { Band(lower: $0, upper: $0, unit: 1) }
    case .normalized:
      return draws.variance.map { variance in
        zip(draws.mean, variance).map { Band(lower: $0, upper: $0, unit: $1.squareRoot()) }
      }
    case .quantiles:
      guard let lower = draws.quantile((1 - level) / 2), let upper = draws.quantile((1 + level) / 2) else { return nil }
      return zip(lower, upper).map { Band(lower: $0, upper: $1, unit: 1) }
    }
  }

  /// Both ends for each value, as an answer tells them; none where the draws cannot tell.
  func measurements(_ draws: Draws) -> [Prediction.Measurement] {
    guard let bands = Self.bands(rule, level: level, draws) else { return [] }
    let ends = zip(bands, thresholds).map { $0.moved(by: $1) }
    return [
      Prediction.Measurement(name: Self.lowerName, values: ends.map(\.lower)),
      Prediction.Measurement(name: Self.upperName, values: ends.map(\.upper)),
    ]
  }
}
