import DitherTensor

extension Loss {
  /// The loss of each row, as a mean over the draws.
  /// - Parameters:
  ///   - outputs: [B, classes] or [samples, B, classes].
  ///   - targets: [B].
  ///   - aims: [B]: the second classes, where the loss needs them; else empty.
  ///   - probabilities: whether the outputs are probabilities already.
  public func values(_ outputs: Tensor, targets: [Int], aims: [Int] = [], probabilities: Bool) -> [Float] {
    let rows = targets.count, classes = outputs.shape.dimensions.last ?? 1, draws = outputs.count / (rows * classes)
    var losses = [Float](repeating: 0, count: rows)
    outputs.elements.withUnsafeBufferPointer { all in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: classes) { gradient in
        gradient.initialize(repeating: 0)
        for s in 0..<draws {
          for row in 0..<rows {
            let start = (s * rows + row) * classes
            let z = UnsafeBufferPointer(rebasing: all[start..<start + classes])
            losses[row] +=
              value(
                z, target: targets[row], aim: aims.isEmpty ? nil : aims[row], probabilities: probabilities,
                gradient: gradient) / Float(draws)
          }
        }
      }
    }
    return losses
  }
}
