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

extension Schedule {
  /// Up in a line from 0 over the first `warmup` share, then what `fall` makes of the share of the rest.
  func rising(over warmup: Double, _ progress: Double, then fall: (Double) -> Double) -> Double {
    if progress < warmup { return progress / warmup }
    return fall(warmup < 1 ? (progress - warmup) / (1 - warmup) : 1)
  }
}
