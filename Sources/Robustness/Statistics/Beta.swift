import Foundation

extension Statistics {
  /// The regularized incomplete beta function I_x(a, b): the distribution function of Beta(a, b) at x.
  ///
  /// The continued fraction of Abramowitz and Stegun, 26.5.8, by Lentz's method, on the side where it converges in
  /// about √max(a, b) steps.
  public static func incompleteBeta(_ a: Double, _ b: Double, _ x: Double) -> Double {
    precondition(a > 0 && b > 0 && (0...1).contains(x), "a, b > 0 and x from 0 to 1")
    return incompleteBeta(a, b, x, 1 - x)
  }

  /// The x with I_x(a, b) = q.
  public static func inverseIncompleteBeta(_ a: Double, _ b: Double, _ q: Double) -> Double {
    precondition(a > 0 && b > 0 && (0...1).contains(q), "a, b > 0 and q from 0 to 1")
    if q == 0 || q == 1 { return q }
    // On the scale of ln(x / (1 − x)), where neither end is crowded, and on the smaller tail, so that it keeps its
    // digits.
    let isLower = q <= 0.5, goal = log(isLower ? q : 1 - q)
    func excess(_ t: Double) -> (value: Double, slope: Double) {
      let x = 1 / (1 + exp(-t)), y = 1 / (1 + exp(t))
      let tail = isLower ? incompleteBeta(a, b, x, y) : incompleteBeta(b, a, y, x)
      guard tail > 0 else { return (isLower ? -.infinity : .infinity, .nan) }
      let slope = power(a, b, x, y) / tail, value = log(tail) - goal
      return isLower ? (value, slope) : (-value, slope)
    }
    var low = -745.0, high = 745.0, t = min(max(log(a / b), -700), 700)
    for _ in 0..<300 {
      let (value, slope) = excess(t)
      if value > 0 { high = t } else { low = t }
      let newton = t - value / slope
      if abs(newton - t) <= 1e-15 * max(abs(t), 1) { break }
      t = newton > low && newton < high ? newton : (low + high) / 2
    }
    return t < 0 ? exp(t) / (1 + exp(t)) : 1 / (1 + exp(-t))
  }

  /// - Parameter y: 1 − x, which has digits that x may have lost.
  private static func incompleteBeta(_ a: Double, _ b: Double, _ x: Double, _ y: Double) -> Double {
    if x <= 0 { return 0 }
    if y <= 0 { return 1 }
    return x < (a + 1) / (a + b + 2)
      ? power(a, b, x, y) * fraction(a, b, x) / a : 1 - power(b, a, y, x) * fraction(b, a, y) / b
  }

  private static func fraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
    func kept(_ value: Double) -> Double { abs(value) < 1e-300 ? 1e-300 : value }
    var c = 1.0, d = 1 / kept(1 - (a + b) * x / (a + 1)), result = d
    for step in 1..<1_000_000 {
      let m = Double(step)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      d = 1 / kept(1 + even * d)
      c = kept(1 + even / c)
      result *= d * c
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      d = 1 / kept(1 + odd * d)
      c = kept(1 + odd / c)
      result *= d * c
      if abs(d * c - 1) < 3e-16 { break }
    }
    return result
  }

  /// x^a · y^b / B(a, b), by the deviances of Loader 2000, "Fast and accurate computation of binomial probabilities":
  /// logarithms of gamma functions would cancel for large a and b.
  private static func power(_ a: Double, _ b: Double, _ x: Double, _ y: Double) -> Double {
    let n = a + b
    let exponent =
      stirlingError(n) - stirlingError(a) - stirlingError(b) - deviance(a, n * x) - deviance(b, n * y)
    return exp(exponent) * (a / n * b / (2 * Double.pi)).squareRoot()
  }

  /// ln n! less Stirling's formula for it.
  private static func stirlingError(_ n: Double) -> Double {
    guard n > 15 else { return lgamma(n + 1) - (n + 0.5) * log(n) + n - log(2 * Double.pi) / 2 }
    // The series Σ B_2k / (2k (2k − 1) n^(2k − 1)).
    let s = 1 / (n * n)
    return (1 / 12.0 - s * (1 / 360.0 - s * (1 / 1260.0 - s * (1 / 1680.0 - s * (1 / 1188.0 - s * 691 / 360_360))))) / n
  }

  /// k ln(k / mean) + mean − k.
  private static func deviance(_ k: Double, _ mean: Double) -> Double {
    let v = (k - mean) / (k + mean)
    guard abs(v) < 0.1 else { return k * log(k / mean) + mean - k }
    // ln(k / mean) = 2 artanh v; its first term cancels against mean − k but for (k − mean) v.
    var sum = (k - mean) * v, term = 2 * k * v
    for i in 1..<100 {
      term *= v * v
      let next = sum + term / Double(2 * i + 1)
      if next == sum { break }
      sum = next
    }
    return sum
  }
}
