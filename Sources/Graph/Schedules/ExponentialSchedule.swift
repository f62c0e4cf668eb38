import DitherBasics
import Foundation

/// Down to `final` by the same share in every step, behind a rise in a line over the first `warmup` share.
public struct ExponentialSchedule: Schedule {
  public static let name = "exponential"
  /// The share of the training in which the factor rises from 0.
  public var warmup = 0.0
  /// The factor at the end, above 0.
  public var final = 0.01
  public init() {}
  public func check() throws(CatalogError) {
    try require((0...1).contains(warmup), "warmup", "0 to 1", warmup)
    try require(final >= 1e-12 && final <= 1000, "final", "1e-12 to 1000", final)
  }
  public func factor(at progress: Double) -> Double { rising(over: warmup, progress) { pow(final, $0) } }
}
