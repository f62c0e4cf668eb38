import DitherBasics
import Foundation

/// Down half a cosine from 1 to 0, `cycles` times over: each end is a place to take a model from. Source: Zhang et al.
/// 2020, cyclical SGLD, arXiv 1902.03932, equation 1.
public struct CyclicalSchedule: Schedule {
  public static let name = "cyclical"
  /// Above 0; the last one is cut where it is no whole number.
  public var cycles = 4.0
  public init() {}
  public func check() throws(CatalogError) {
    try require(cycles > 0 && cycles <= 100_000, "cycles", "above 0, to 100000", cycles)
  }
  public func factor(at progress: Double) -> Double {
    let place = progress * cycles, within = place - place.rounded(.down)
    // The end of the run is that of its last cycle, not the beginning of another.
    return 0.5 * (1 + cos(.pi * (progress >= 1 && within == 0 ? 1 : within)))
  }
}
