import DitherBasics
import Foundation

/// From 1 down to `final` as (1 − progress)^power: noise that is strong first and gone at the end.
public struct AnnealedSchedule: Schedule {
  public static let name = "annealed"
  /// How steeply it falls: 1 in a line.
  public var power = 1.0
  /// The factor at the end.
  public var final = 0.0
  public init() {}
  public func check() throws(CatalogError) {
    try require(power >= 0 && power <= 100, "power", "0 to 100", power)
    try require(final >= 0 && final <= 1000, "final", "0 to 1000", final)
  }
  public func factor(at progress: Double) -> Double { final + (1 - final) * pow(max(1 - progress, 0), power) }
}
