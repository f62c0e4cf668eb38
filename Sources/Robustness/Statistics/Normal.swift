import Foundation

extension Statistics {
  /// The standard normal distribution's Φ(z).
  public static func normalDistribution(_ z: Double) -> Double { erfc(-z / 2.squareRoot()) / 2 }

  /// Φ⁻¹(p): −∞ for 0, ∞ for 1.
  ///
  /// Newton's method on a function that is concave towards the root, from its far side, so that it never overshoots: on
  /// erf near the middle, on ln Φ in the tails.
  public static func normalQuantile(_ p: Double) -> Double {
    precondition((0...1).contains(p), "a probability")
    if p == 0 { return -.infinity }
    if p == 1 { return .infinity }
    // Exact in either branch, as p lies within a factor of two of ½ or of 1.
    if p > 0.75 { return -lowerTail(1 - p) }
    if p < 0.25 { return lowerTail(p) }
    let centered = abs(2 * p - 1)
    var z = 0.0
    for _ in 0..<50 {
      let step = (centered - erf(z / 2.squareRoot())) / (2 * density(z))
      z += step
      if step <= 1e-16 * z { break }
    }
    return p < 0.5 ? -z : z
  }

  private static func lowerTail(_ p: Double) -> Double {
    // Φ(z) ≤ exp(−z² / 2) / 2 for z ≤ 0: this start lies below the root.
    var z = -(-2 * log(2 * p)).squareRoot()
    for _ in 0..<50 {
      let share = normalDistribution(z)
      let step = (log(p) - log(share)) * share / density(z)
      z += step
      if abs(step) <= 1e-15 * abs(z) { break }
    }
    return z
  }

  private static func density(_ z: Double) -> Double { exp(-z * z / 2) / (2 * Double.pi).squareRoot() }
}
