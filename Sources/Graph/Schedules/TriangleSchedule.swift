import DitherBasics

/// From `initial` up in a line to 1 at the share `warmup`, then down in a line to `final`.
/// Jordan 2024, arXiv 2404.00498.
public struct TriangleSchedule: Schedule {
  public static let name = "triangle"
  /// The share of the training in which the factor rises.
  public var warmup = 0.23
  /// The factor at the start.
  public var initial = 0.2
  /// The factor at the end.
  public var final = 0.07
  public init() {}
  public func check() throws(CatalogError) {
    try require((0...1).contains(warmup), "warmup", "0 to 1", warmup)
    try require((0...1).contains(initial), "initial", "0 to 1", initial)
    try require((0...1).contains(final), "final", "0 to 1", final)
  }
  public func factor(at progress: Double) -> Double {
    if progress < warmup { return initial + (1 - initial) * progress / warmup }
    return warmup < 1 ? 1 - (1 - final) * (progress - warmup) / (1 - warmup) : 1
  }
}
