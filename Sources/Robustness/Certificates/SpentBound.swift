import Foundation

/// A lower bound on a probability that is looked at several times while draws come in, and holds at every look.
///
/// Clopper and Pearson's bound holds once. Here each look has a share of alpha of its own, fixed before the first draw:
/// half of it for the last look, the other half spread evenly over those before. By the union bound all of them hold
/// together with probability 1 − alpha, whatever makes the caller stop. Giving up needs no alpha: who claims nothing is
/// not wrong.
public struct SpentBound: Sendable {
  /// After how many draws there is a look: doubling up to the last.
  public let looks: [Int]
  /// The share of alpha that each look may spend.
  public let alphas: [Double]

  /// - Parameter early: false: one look, after `n` draws, with all of alpha.
  public init(n: Int, alpha: Double, early: Bool) {
    precondition(n > 0 && alpha > 0 && alpha < 1, "draws, and a level from 0 to 1")
    var looks = [n]
    while early, let first = looks.first, first >= 2 * Self.leastDraws { looks.insert(first / 2, at: 0) }
    self.looks = looks
    let others = looks.count - 1
    alphas =
      [Double](repeating: alpha / 2 / Double(max(others, 1)), count: others) + [others == 0 ? alpha : alpha / 2]
  }

  /// The draws of the first look.
  private static let leastDraws = 64

  /// The largest bound that a perfect record gives.
  public var ceiling: Double {
    zip(looks, alphas).reduce(0) { max($0, Statistics.lowerBound($1.0, of: $1.0, alpha: $1.1)) }
  }

  /// The state after a look.
  public enum Verdict: Equatable {
    case goOn
    /// The bound is where it was to be, or as good as it will be.
    case enough
    /// The probability lies below what is needed, as far as can be told.
    case hopeless
  }

  /// - Parameters:
  ///   - needed: the probability that is to be shown; nil: as much as can be.
  ///   - bound: the best bound of all looks so far.
  func verdict(look: Int, successes: Int, bound: Double, needed: Double?) -> Verdict {
    if look == looks.count - 1 { return .enough }
    let drawn = looks[look], least = max(needed ?? 0.5, 0.5)
    if Statistics.upperBound(successes, of: drawn, alpha: alphas[look]) < least { return .hopeless }
    guard bound >= least else { return .goOn }
    if needed != nil { return .enough }
    // The count that all draws would give if the share stayed what it is.
    let last = looks[looks.count - 1], share = Double(successes) / Double(drawn)
    let expected = Statistics.lowerBound(
      Int((share * Double(last)).rounded()), of: last, alpha: alphas[alphas.count - 1])
    return Statistics.normalQuantile(bound) >= Self.goodEnough * Statistics.normalQuantile(expected) ? .enough : .goOn
  }

  /// The share of the radius to be expected of all draws at which fewer are enough.
  static let goodEnough = 0.95
}
