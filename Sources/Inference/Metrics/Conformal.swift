import Foundation

/// Sets of classes that hold the true one with probability at least 1 − α on exchangeable data (split conformal
/// prediction; Vovk et al. 2005; Angelopoulos and Bates 2021, arXiv 2107.07511).
public enum Conformal {
  public enum Score: String, Sendable, Codable, CaseIterable {
    /// 1 − p_y (Sadinle et al. 2019).
    case lac
    /// The sorted probabilities summed through y (Romano et al. 2020, arXiv 2006.02544), without randomisation.
    case aps
  }

  /// - Parameter u: for randomised APS: so much of p_y is taken off, u uniform on [0, 1].
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
      // Rounding must not put a whole distribution's sum on either side of 1.
      return min(sum, 1) - u * p[label]
    }
  }

  /// The k-th smallest calibration score, k = ⌈(n + 1)(1 − α)⌉; infinite where k > n.
  public static func threshold(_ scores: [Double], alpha: Double) -> Double {
    // The product is rounded up only past what its own rounding error explains.
    let k = Int((Double(scores.count + 1) * (1 - alpha) - 1e-9).rounded(.up))
    guard k <= scores.count else { return .infinity }
    return scores.sorted()[max(k, 1) - 1]
  }

  /// The classes whose score is at most the threshold.
  public static func set(_ p: [Double], _ kind: Score, threshold: Double) -> [Int] {
    p.indices.filter { score(p, $0, kind) <= threshold }
  }
}
