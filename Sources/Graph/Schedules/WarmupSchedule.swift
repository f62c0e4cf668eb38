import DitherBasics

/// Up in a line over the first `warmup` share, then 1.
public struct WarmupSchedule: Schedule {
  public static let name = "warmup"
  /// The share of the training in which the factor rises from 0.
  public var warmup = 0.05
  public init() {}
  public func check() throws(CatalogError) { try require((0...1).contains(warmup), "warmup", "0 to 1", warmup) }
  public func factor(at progress: Double) -> Double { rising(over: warmup, progress) { _ in 1 } }
}
