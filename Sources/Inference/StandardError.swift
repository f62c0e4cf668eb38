/// How far the mean of Monte-Carlo draws may be from the mean of infinitely many: the one standard error of answers,
/// stopping rules and attacks.
///
/// Draws of antithetic pairs are not independent, their pairs are: the error is that of the pairs' means (Owen, Monte
/// Carlo theory, methods and examples, 8.2), larger than of as many independent draws where a function is even in its
/// noise, and smaller where it is odd.
public enum StandardError {
  /// With fewer pairs, their error is taken to be at least that of as many independent draws: a few pairs can agree by
  /// chance.
  static let fewPairs = 8

  /// The error of the mean of all values, in their unit.
  /// - Parameters:
  ///   - values: one for each draw.
  ///   - antithetic: values 2 i and 2 i + 1 are of a draw and its negative; an odd last one is of a draw alone.
  /// - Returns: nil below two independent draws or two pairs: then nothing is known of it. NaN where a value is.
  public static func ofMean(_ values: some RandomAccessCollection<Double>, antithetic: Bool = false) -> Double? {
    let all = Array(values), count = Double(all.count)
    guard antithetic else { return variance(all).map { ofMean(deviation: $0.squareRoot(), draws: all.count) } }
    let pairs = stride(from: 0, to: all.count - 1, by: 2).map { (all[$0] + all[$0 + 1]) / 2 }
    guard let single = variance(all), let paired = variance(pairs) else { return nil }
    // The last of an odd number of draws has no partner, and the weight of one draw.
    let alone = Double(all.count % 2) * single
    let error = ((4 * Double(pairs.count) * paired + alone) / (count * count)).squareRoot()
    return pairs.count < fewPairs ? max(error, ofMean(deviation: single.squareRoot(), draws: all.count)) : error
  }

  /// The error of independent draws, two at least, from their standard deviation (ddof 1).
  static func ofMean(deviation: Double, draws: Int) -> Double { deviation / Double(draws).squareRoot() }

  /// - Returns: with n − 1 below; nil of fewer than two values.
  private static func variance(_ values: [Double]) -> Double? {
    guard values.count > 1 else { return nil }
    let mean = values.reduce(0, +) / Double(values.count)
    return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
  }
}
