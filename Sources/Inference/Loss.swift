import DitherBasics
import Foundation

/// A function of a classifier's output and a target class, with its gradient, that attacks follow. Each is written for
/// logits z; for models that give probabilities, z = ln p.
public enum Loss: String, Sendable, Codable, CaseIterable {
  /// −ln softmax(z)_y.
  case crossEntropy = "ce"
  /// max_{i≠y} z_i − z_y (Carlini and Wagner 2017, arXiv 1608.04644, without its bound): above 0 where misclassified.
  case margin
  /// −(z_y − max_{i≠y} z_i) / (z_π1 − z_π3) (Croce and Hein 2020, arXiv 2003.01690). Of two classes it is the margin.
  case dlr
  /// −(z_y − z_t) / (z_π1 − (z_π3 + z_π4) / 2), which leads to the class t (Croce and Hein 2020, arXiv 2003.01690, 6).
  /// Of fewer than four classes it is the difference.
  case targetedDLR = "targeted_dlr"
  /// z_t − z_y, which leads from one class to another: above 0 where t wins against y.
  case difference
  /// ln softmax(z)_t: rises towards the target class.
  case towards

  /// Whether it is about a second class beside the row's own.
  public var needsAim: Bool { self == .targetedDLR || self == .difference }

  /// - Parameters:
  ///   - z: one row of a classifier's output.
  ///   - y: the target, one of its classes.
  ///   - aim: the second class, where the loss needs one.
  ///   - probabilities: whether the output is probabilities; else it is logits.
  ///   - gradient: gets the derivatives for the output.
  public func value(
    _ z: UnsafeBufferPointer<Float>, target y: Int, aim: Int? = nil, probabilities: Bool,
    gradient: UnsafeMutableBufferPointer<Float>
  ) -> Float {
    guard probabilities else { return value(z, y, aim ?? y, gradient) }
    let tiny = Float.leastNormalMagnitude
    if self == .crossEntropy || self == .towards {
      // −ln p_y itself: its other derivatives go through the model's own softmax.
      let sign: Float = self == .crossEntropy ? -1 : 1
      gradient.update(repeating: 0)
      gradient[y] = sign / max(z[y], tiny)
      return sign * log(max(z[y], tiny))
    }
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: z.count) { logits in
      for i in z.indices { logits.initializeElement(at: i, to: log(max(z[i], tiny))) }
      let value = value(UnsafeBufferPointer(logits), y, aim ?? y, gradient)
      for i in z.indices { gradient[i] /= max(z[i], tiny) }
      return value
    }
  }

  private func value(
    _ z: UnsafeBufferPointer<Float>, _ y: Int, _ t: Int, _ g: UnsafeMutableBufferPointer<Float>
  ) -> Float {
    switch self {
    case .crossEntropy: return CrossEntropy.value(z, y, g)
    case .towards:
      let value = CrossEntropy.value(z, y, g)
      for i in g.indices { g[i] = -g[i] }
      return -value
    case .margin:
      let other = best(z, except: y)
      g.update(repeating: 0)
      g[other] = 1
      g[y] = -1
      return z[other] - z[y]
    case .difference: return difference(z, y, t, g)
    case .targetedDLR:
      guard z.count >= 4 else { return difference(z, y, t, g) }
      let order = z.indices.sorted { z[$0] > z[$1] }
      let spread = max(z[order[0]] - (z[order[2]] + z[order[3]]) / 2, 1e-12), value = -(z[y] - z[t]) / spread
      g.update(repeating: 0)
      g[y] -= 1 / spread
      g[t] += 1 / spread
      g[order[0]] -= value / spread
      g[order[2]] += value / (2 * spread)
      g[order[3]] += value / (2 * spread)
      return value
    case .dlr:
      guard z.count >= 3 else { return Loss.margin.value(z, y, t, g) }
      let other = best(z, except: y)
      let order = z.indices.sorted { z[$0] > z[$1] }
      let first = order[0], third = order[min(2, order.count - 1)]
      let spread = max(z[first] - z[third], 1e-12), value = -(z[y] - z[other]) / spread
      g.update(repeating: 0)
      g[y] -= 1 / spread
      g[other] += 1 / spread
      g[first] -= value / spread
      g[third] += value / spread
      return value
    }
  }

  private func difference(
    _ z: UnsafeBufferPointer<Float>, _ y: Int, _ t: Int, _ g: UnsafeMutableBufferPointer<Float>
  ) -> Float {
    g.update(repeating: 0)
    g[t] += 1
    g[y] -= 1
    return z[t] - z[y]
  }

  private func best(_ z: UnsafeBufferPointer<Float>, except y: Int) -> Int {
    z.indices.reduce(y == 0 ? 1 : 0) { $1 != y && z[$1] > z[$0] ? $1 : $0 }
  }
}

/// exp(z_i / T) / Σ exp(z / T), in double precision.
func softmax(
  _ z: UnsafeBufferPointer<Float>, into out: UnsafeMutableBufferPointer<Double>, temperature: Double = 1
) {
  let top = Double(z.reduce(-Float.infinity, max))
  var total = 0.0
  for i in z.indices {
    out[i] = exp((Double(z[i]) - top) / temperature)
    total += out[i]
  }
  for i in z.indices { out[i] /= total }
}
