import DitherBasics
import DitherTensor

/// The mean over the values of `level` · (y − z) where z is below the target y, and (1 − level) · (z − y) above: its
/// least is at the conditional quantile of that level. Source: Koenker and Bassett 1978, Econometrica 46.
public struct Pinball: Objective {
  public static let name = "pinball"
  public static let tasks: [ModelTask.Kind] = [.regression]
  /// Between 0 and 1; one half gives the median.
  public var level = 0.5
  public init() {}

  public func check() throws(CatalogError) { try require(level > 0 && level < 1, "level", "between 0 and 1", level) }

  public func value(
    _ output: UnsafeBufferPointer<Float>, _ target: Targets.Row, gradient: UnsafeMutableBufferPointer<Float>
  ) -> Float {
    guard case .values(let wanted) = target else { return .nan }
    let share = 1 / Float(output.count), level = Float(level)
    var sum: Float = 0
    for (i, y) in zip(output.indices, wanted) {
      let slope = output[i] < y ? -level : 1 - level
      sum += slope * (output[i] - y)
      gradient[i] = slope * share
    }
    return sum * share
  }
}
