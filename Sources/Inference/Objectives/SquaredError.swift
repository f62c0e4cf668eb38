import DitherBasics
import DitherTensor

/// The mean over the values of (z − y)². Source: Legendre 1805, least squares; its least is at the conditional mean.
public struct SquaredError: Objective {
  public static let name = "squared_error"
  public static let tasks: [ModelTask.Kind] = [.regression]
  public init() {}

  public func value(
    _ output: UnsafeBufferPointer<Float>, _ target: Targets.Row, gradient: UnsafeMutableBufferPointer<Float>
  ) -> Float {
    guard case .values(let wanted) = target else { return .nan }
    let share = 1 / Float(output.count)
    var sum: Float = 0
    for (i, y) in zip(output.indices, wanted) {
      let error = output[i] - y
      sum += error * error
      gradient[i] = 2 * error * share
    }
    return sum * share
  }
}
