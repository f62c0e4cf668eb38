import DitherBasics
import Foundation

/// Half a cosine up from `initial` over the first `warmup` share, half a cosine down to `final` over the rest. Smith
/// and Topin 2017, arXiv 1708.07120; the defaults are those of PyTorch's `OneCycleLR`.
public struct OneCycleSchedule: Schedule {
  public static let name = "one_cycle"
  /// The share of the training in which the factor rises.
  public var warmup = 0.3
  /// The factor at the start.
  public var initial = 0.04
  /// The factor at the end.
  public var final = 4e-6
  public init() {}
  public func check() throws(CatalogError) {
    try require((0...1).contains(warmup), "warmup", "0 to 1", warmup)
    try require((0...1).contains(initial), "initial", "0 to 1", initial)
    try require((0...1).contains(final), "final", "0 to 1", final)
  }
  public func factor(at progress: Double) -> Double {
    let rise = warmup > 0 ? min(progress / warmup, 1) : 1
    if rise < 1 { return 1 - (1 - initial) * 0.5 * (1 + cos(.pi * rise)) }
    let fall = warmup < 1 ? (progress - warmup) / (1 - warmup) : 1
    return final + (1 - final) * 0.5 * (1 + cos(.pi * fall))
  }
}
