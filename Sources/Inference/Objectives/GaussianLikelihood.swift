import DitherBasics
import DitherTensor
import Foundation

/// −ln of the normal densities of the targets, Σ ½ (ln 2π + v + (y − m)² e^−v), of means m and log-variances v: the
/// output has D means, then D log-variances. Source: Nix and Weigend 1994, Estimating the mean and variance of the
/// target probability distribution.
public struct GaussianLikelihood: Objective {
  public static let name = "gaussian_likelihood"
  public static let tasks: [ModelTask.Kind] = [.gaussian]
  public init() {}

  public func value(
    _ output: UnsafeBufferPointer<Float>, _ target: Targets.Row, gradient: UnsafeMutableBufferPointer<Float>
  ) -> Float {
    guard case .values(let wanted) = target else { return .nan }
    let width = output.count / 2
    var sum: Float = 0
    for (i, y) in zip(0..<width, wanted) {
      let error = output[i] - y, v = output[width + i], precision = exp(-v), square = error * error * precision
      sum += (log(2 * .pi) + v + square) / 2
      gradient[i] = error * precision
      gradient[width + i] = (1 - square) / 2
    }
    return sum
  }
}
