import DitherBasics
import Foundation

/// (1 + span · progress)^−power. Noise on gradients whose variance is η / (1 + t)^γ at step t has a sigma of √η, `span`
/// the steps of the run and `power` γ / 2. Source: Neelakantan et al. 2015, arXiv 1511.06807, equation 3.
public struct InverseSchedule: Schedule {
  public static let name = "inverse"
  /// How far t goes, from 0.
  public var span = 1000.0
  /// From 0; 0.275 is half of the paper's γ.
  public var power = 0.275
  public init() {}
  public func check() throws(CatalogError) {
    try require(span >= 0 && span <= 1e12, "span", "0 to 1e12", span)
    try require(power >= 0 && power <= 100, "power", "0 to 100", power)
  }
  public func factor(at progress: Double) -> Double { pow(1 + span * progress, -power) }
}
