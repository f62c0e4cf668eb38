import DitherBasics
import DitherTensor
import Foundation

/// Sets of classes that hold the true one with probability at least 1 − α on exchangeable data (split conformal
/// prediction; Vovk et al. 2005; Angelopoulos and Bates 2021, arXiv 2107.07511).
public enum Conformal {
  /// The score of a class: the larger, the less the class fits the example.
  public enum Score: String, Sendable, Codable, CaseIterable {
    /// 1 − p_y (Sadinle et al. 2019).
    case lac
    /// The sorted probabilities summed through y (Romano et al. 2020, arXiv 2006.02544). Without randomization every
    /// score of a sharp model is nearly 1 and sets are far too large.
    case aps
  }

  /// - Parameter u: for randomized APS: so much of p_y is taken off, u uniform on [0, 1].
  public static func score(_ p: [Double], _ label: Int, _ score: Score, u: Double = 0) -> Double {
    switch score {
    case .lac: return 1 - p[label]
    case .aps:
      let order = p.indices.sorted { (-p[$0], $0) < (-p[$1], $1) }
      var sum = 0.0
      for k in order {
        sum += p[k]
        if k == label { break }
      }
      return sum - u * p[label]
    }
  }

  /// The u of an example's randomized score, uniform on [0, 1): from what the example is and a seed, so that it does
  /// not depend on the other rows of a request, and is apart from every draw of noise under the same seed.
  /// - Parameter example: the values of one input, as the model takes them.
  public static func chance(seed: UInt64, example: some Sequence<Float>) -> Double {
    let content = example.reduce(UInt64(0x61_7073)) { mixSeed($0, UInt64($1.bitPattern)) }
    return Double(NoiseAddress(seed: mixSeed(seed, content)).uniform(0))
  }

  /// The k-th smallest calibration score, k = ⌈(n + 1)(1 − α)⌉; infinite where k > n.
  public static func threshold(_ scores: [Double], alpha: Double) -> Double {
    threshold(rising: scores.sorted(), alpha: alpha)
  }

  /// - Parameter scores: in rising order.
  static func threshold(rising scores: [Double], alpha: Double) -> Double {
    place(among: scores.count, alpha: alpha).map { scores[$0 - 1] } ?? .infinity
  }

  /// The k of ``threshold(_:alpha:)``, from 1; nil where k > n.
  static func place(among count: Int, alpha: Double) -> Int? {
    // The product is rounded up only past what its own rounding error explains.
    let k = Int((Double(count + 1) * (1 - alpha) - 1e-9).rounded(.up))
    return k <= count ? max(k, 1) : nil
  }

  /// The classes whose score is at most the threshold, rising; none, where even the likeliest class has a higher one.
  /// - Parameters:
  ///   - u: as for ``score(_:_:_:u:)``.
  ///   - neverEmpty: the likeliest class is in every set: such sets hold the true class at least as often.
  public static func set(
    _ p: [Double], _ kind: Score, threshold: Double, u: Double = 0, neverEmpty: Bool = false
  ) -> [Int] {
    set(p, kind, thresholds: [Double](repeating: threshold, count: p.count), u: u, neverEmpty: neverEmpty)
  }
}
