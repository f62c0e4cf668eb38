import DitherBasics
import DitherTensor
import Foundation

/// −Σ t ln softmax(z) of class scores z, where t is 1 at the target's class, or with label smoothing s (Szegedy et al.
/// 2016, arXiv 1512.00567, 7) 1 − s there and s / K at all K classes more. Of one score z it is that of [0, z].
public struct CrossEntropy: Objective {
  public static let name = "cross_entropy"
  public static let tasks: [ModelTask.Kind] = [.classification, .binary]
  /// The share of the target that all classes have alike, from 0 to below 1.
  public var smoothing = 0.0
  public init() {}

  public func check() throws(InferenceError) {
    guard (0..<1).contains(smoothing) else {
      throw InferenceError(
        .objective, at: "smoothing of cross_entropy", expected: "a number from 0 to below 1", got: "\(smoothing)")
    }
  }

  public func value(
    _ output: UnsafeBufferPointer<Float>, _ target: Targets.Row, gradient: UnsafeMutableBufferPointer<Float>
  ) -> Float {
    // No class is no target that can be met.
    guard case .label(let label) = target else { return .nan }
    let smoothing = Float(smoothing)
    guard output.count > 1 else {
      let z = output[0], sign: Float = label == 1 ? 1 : -1
      // The derivative for z is p − 1 or p.
      gradient[0] = -sign / (1 + exp(sign * z)) + smoothing * sign / 2
      let value = sign * z > 0 ? log1p(exp(-sign * z)) : log1p(exp(sign * z)) - sign * z
      return value + smoothing * sign * z / 2
    }
    let value = Self.value(output, label, gradient)
    guard smoothing > 0 else { return value }
    // The target moves from the class to all classes alike.
    let share = 1 / Float(output.count)
    for i in gradient.indices { gradient[i] -= smoothing * share }
    gradient[label] += smoothing
    return value + smoothing * (output[label] - output.reduce(0, +) * share)
  }

  /// −ln softmax(z)_y, and its derivatives. That for y is minus the sum of the others', so that it does not round to 0
  /// where p_y does to 1.
  static func value(
    _ z: UnsafeBufferPointer<Float>, _ y: Int, _ g: UnsafeMutableBufferPointer<Float>
  ) -> Float {
    let top = z.reduce(-Float.infinity, max)
    var others: Float = 0
    for i in z.indices {
      g[i] = exp(z[i] - top)
      if i != y { others += g[i] }
    }
    let total = g[y] + others
    for i in z.indices { g[i] = (i == y ? -others : g[i]) / total }
    return z[y] >= top ? log1p(others) : log(total) - (z[y] - top)
  }
}
