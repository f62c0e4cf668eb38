import DitherBasics
import DitherTensor
import Foundation

/// −Σ t ln softmax(z) of class scores z, where t is 1 at the target's class, or the shares of all classes. Of one score
/// z it is that of [0, z]. Source: Good 1952, Journal of the Royal Statistical Society B 14.
public struct CrossEntropy: Objective {
  public static let name = "cross_entropy"
  public static let tasks: [ModelTask.Kind] = [.classification, .binary]
  public init() {}

  public func value(
    _ output: UnsafeBufferPointer<Float>, _ target: Targets.Row, gradient: UnsafeMutableBufferPointer<Float>
  ) -> Float {
    switch target {
    case .label(let label):
      return output.count > 1
        ? Self.value(output, label, gradient) : Self.value(output[0], isFirst: label == 0, &gradient[0])
    case .shares(let shares):
      guard output.count > 1 else {
        // The mean over the two classes of the value for each.
        var first: Float = 0, second: Float = 0
        let value =
          shares[shares.startIndex] * Self.value(output[0], isFirst: true, &first)
          + shares[shares.startIndex + 1] * Self.value(output[0], isFirst: false, &second)
        gradient[0] = shares[shares.startIndex] * first + shares[shares.startIndex + 1] * second
        return value
      }
      return Self.value(output, shares, gradient)
    // Values are no target that class scores can meet.
    case .values: return .nan
    }
  }

  /// The value of one score z: ln(1 + e^z) for the first class, ln(1 + e^−z) for the second; the derivative is
  /// p or p − 1.
  private static func value(_ z: Float, isFirst: Bool, _ gradient: inout Float) -> Float {
    let sign: Float = isFirst ? -1 : 1
    gradient = -sign / (1 + exp(sign * z))
    return sign * z > 0 ? log1p(exp(-sign * z)) : log1p(exp(sign * z)) - sign * z
  }

  /// Σ t (ln Σ e^z − z), with the derivatives p − t.
  private static func value(
    _ z: UnsafeBufferPointer<Float>, _ shares: ArraySlice<Float>, _ g: UnsafeMutableBufferPointer<Float>
  ) -> Float {
    let top = z.reduce(-Float.infinity, max), total = z.reduce(0) { $0 + exp($1 - top) }
    var value: Float = 0
    for (i, share) in zip(z.indices, shares) {
      g[i] = exp(z[i] - top) / total - share
      if share > 0 { value += share * (log(total) - (z[i] - top)) }
    }
    return value
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
