import DitherBasics

/// From `start` to `final` in a line: noise that fades, or that grows with the training.
public struct LinearSchedule: Schedule {
  public static let name = "linear"
  /// The factor at the start.
  public var start = 1.0
  /// The factor at the end.
  public var final = 0.0
  public init() {}
  public func check() throws(CatalogError) {
    try require(start >= 0 && start <= 1000, "start", "0 to 1000", start)
    try require(final >= 0 && final <= 1000, "final", "0 to 1000", final)
  }
  public func factor(at progress: Double) -> Double { start + (final - start) * progress }
}
