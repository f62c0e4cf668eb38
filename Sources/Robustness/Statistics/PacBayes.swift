import Foundation

extension Statistics {
  /// kl(q‖p) of two biased coins, in nats; infinite where p excludes what q has.
  public static func coinDivergence(_ q: Double, _ p: Double) -> Double {
    func part(_ a: Double, _ b: Double) -> Double { a <= 0 ? 0 : b <= 0 ? .infinity : a * log(a / b) }
    return part(q, p) + part(1 - q, 1 - p)
  }

  /// The largest p in [q, 1] with kl(q‖p) ≤ c, rounded up. Source: Langford 2005, JMLR 6; Maurer 2004.
  /// - Parameters:
  ///   - q: a share.
  ///   - c: 0 or more.
  public static func inverseCoinDivergence(_ q: Double, _ c: Double) -> Double {
    var low = min(max(q, 0), 1), high = 1.0
    guard c > 0 else { return low }
    // Below a distance of 1e-15 there is no other number between.
    for _ in 0..<200 where high - low > 1e-15 {
      let middle = (low + high) / 2
      if coinDivergence(q, middle) <= c { low = middle } else { high = middle }
    }
    return high
  }
}

/// A PAC-Bayes bound on the risk of the Gibbs classifier, which draws a network of the posterior Q for each answer:
/// with probability 1 − δ over the examples and the draws its risk is at most the bound, for every Q at once. Source:
/// Maurer 2004, arXiv cs/0411099; Pérez-Ortiz et al. 2021, JMLR 22, 5.
public struct PacBayesBound: Sendable, Equatable {
  /// The share of draws that are wrong.
  public let empiricalRisk: Double
  /// At most the mean risk of Q on these examples, with probability 1 − δ₁ over the draws.
  public let empiricalBound: Double
  /// At most the risk of Q, with probability 1 − δ₁ − δ₂.
  public let bound: Double

  /// - Parameters:
  ///   - empiricalRisk: the mean over all examples and draws, each example with as many.
  ///   - draws: independent numbers in [0, 1] that it is a mean of: their means may differ (Hoeffding 1963, theorem 1);
  ///     nil: Q is one network, and nothing is drawn.
  ///   - examples: independent of the prior P.
  ///   - divergence: KL(Q‖P), in nats.
  ///   - deltaOfDraws: δ₁.
  ///   - deltaOfExamples: δ₂.
  ///   - priors: those that Q could be bounded by, of which one was chosen on the examples and the draws: both levels
  ///     are shared by them.
  public init(
    empiricalRisk: Double, draws: Int?, examples: Int, divergence: Double, deltaOfDraws: Double,
    deltaOfExamples: Double, priors: Int = 1
  ) {
    let n = Double(max(examples, 1)), tried = Double(max(priors, 1)), delta = deltaOfExamples / tried
    self.empiricalRisk = empiricalRisk
    empiricalBound =
      draws.map { Statistics.inverseCoinDivergence(empiricalRisk, log(tried / deltaOfDraws) / Double(max($0, 1))) }
      ?? empiricalRisk
    bound = Statistics.inverseCoinDivergence(empiricalBound, (max(divergence, 0) + log(2 * n.squareRoot() / delta)) / n)
  }
}
