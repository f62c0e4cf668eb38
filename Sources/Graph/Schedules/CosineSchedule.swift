import DitherBasics
import Foundation

/// Up in a line over the first `warmup` share, then down half a cosine to `final`. Loshchilov and Hutter 2016, arXiv
/// 1608.03983, without restarts.
public struct CosineSchedule: Schedule {
  public static let name = "cosine"
  /// The share of the training in which the factor rises from 0.
  public var warmup = 0.0
  /// The factor at the end.
  public var final = 0.0
  public init() {}
  public func check() throws(CatalogError) {
    try require((0...1).contains(warmup), "warmup", "0 to 1", warmup)
    try require(final >= 0 && final <= 1000, "final", "0 to 1000", final)
  }
  public func factor(at progress: Double) -> Double {
    rising(over: warmup, progress) { final + (1 - final) * 0.5 * (1 + cos(.pi * $0)) }
  }
}
