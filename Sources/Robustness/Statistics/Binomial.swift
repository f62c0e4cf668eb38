import Foundation

extension Statistics {
  /// The least probability of success that `successes` of `n` do not refute at the level `alpha`: a one-sided bound
  /// that holds with probability 1 − alpha at least. Clopper and Pearson 1934, Biometrika 26.
  public static func lowerBound(_ successes: Int, of n: Int, alpha: Double) -> Double {
    precondition(n > 0 && (0...n).contains(successes) && alpha > 0 && alpha < 1, "a share, and a level from 0 to 1")
    if successes == 0 { return 0 }
    // Beta(n, 1) is x^n.
    if successes == n { return exp(log(alpha) / Double(n)) }
    return inverseIncompleteBeta(Double(successes), Double(n - successes + 1), alpha)
  }

  /// The largest probability of success that the counts do not refute at the level `alpha`.
  public static func upperBound(_ successes: Int, of n: Int, alpha: Double) -> Double {
    1 - lowerBound(n - successes, of: n, alpha: alpha)
  }

  /// The exact two-sided test of whether two counts come from a fair coin; 1 where there are none.
  public static func fairCoinTest(_ first: Int, _ second: Int) -> Double {
    let less = min(first, second), more = max(first, second)
    guard less < more else { return 1 }
    // P(X ≤ less) of n = less + more tosses.
    return min(1, 2 * incompleteBeta(Double(more), Double(less + 1), 0.5))
  }
}
