import DitherTensor
import Foundation

extension ModelSignature {
  /// [B]: −ln of the labeled class's mean probability over the draws of [samples, B, classes], in nats: of logits by
  /// log-softmax, which no underflow bounds. Infinite where a model that gives probabilities gave 0 in every draw.
  public func losses(_ outputs: Tensor, labels: [Int], temperature: Double = 1) -> [Double] {
    let rows = labels.count, draws = outputs.count / max(rows * classes, 1)
    return outputs.elements.withUnsafeBufferPointer { all in
      labels.enumerated().map { row, label in
        -Metrics.logMeanExp(
          (0..<draws).map { draw in
            let start = (draw * rows + row) * classes
            return logProbability(
              UnsafeBufferPointer(rebasing: all[start..<start + classes]), label, temperature: temperature)
          })
      }
    }
  }

  private func logProbability(_ z: UnsafeBufferPointer<Float>, _ label: Int, temperature: Double) -> Double {
    func logit(_ value: Float) -> Double {
      let value = Double(value)
      return (givesProbabilities ? log(max(value, 0)) : value) / temperature
    }
    let isServedAsIs = givesProbabilities && temperature == 1 && Self.isWhole(z.reduce(0) { $0 + Double($1) })
    guard !isServedAsIs else { return min(logit(z[label]), 0) }
    let top = z.reduce(-Double.infinity) { max($0, logit($1)) }
    return logit(z[label]) - top - log(z.reduce(0.0) { $0 + exp(logit($1) - top) })
  }
}

extension Metrics {
  /// ln of the mean of exp, which neither overflows nor underflows; −∞ of nothing but −∞.
  package static func logMeanExp(_ values: [Double]) -> Double {
    let top = values.max() ?? -.infinity
    guard top.isFinite else { return top }
    return top + log(values.reduce(0) { $0 + exp($1 - top) } / Double(values.count))
  }

  /// The cost of a probability of 0 in single precision: −ln of the least that is not, 103.28 nats.
  package static let lossOfZero = -log(Double(Float.leastNonzeroMagnitude))
}
