import DitherGraph
import DitherTensor

/// Running means of what normalizations find, for inference: a tenth of each batch, with the unbiased variance.
enum RunningStatistics {
  private static let share: Float = 0.1

  /// Takes them anew, as the network is without noise: those that were gathered under noise are of another network.
  /// Means and unbiased variances over all rows of the batches. Source: Wu and Johnson 2021, arXiv 2105.07576, 3.
  /// - Parameters:
  ///   - plan: without noise, with the batch's own statistics.
  ///   - batches: of as many rows as the plan has; at least one.
  static func estimate(_ parameters: ParameterBuffers, by plan: Plan, over batches: some Sequence<Tensor>) {
    var means = plan.batchStatistics.map { [Double](repeating: 0, count: $0.batchMean.count) }
    var squares = means, count = 0
    for batch in batches {
      _ = plan.input().update(fromContentsOf: batch.elements)
      plan.forward()
      count += 1
      for (at, found) in plan.batchStatistics.enumerated() {
        for i in means[at].indices {
          let mean = Double(found.batchMean[i])
          means[at][i] += mean
          squares[at][i] += Double(found.batchVariance[i]) + mean * mean
        }
      }
    }
    for (at, found) in plan.batchStatistics.enumerated() {
      guard let mean = parameters.ranges[found.mean], let variance = parameters.ranges[found.variance] else { continue }
      let all = Double(found.count * count), unbiased = all / max(all - 1, 1)
      for (i, place) in mean.enumerated() { parameters.floats[place] = Float(means[at][i] / Double(count)) }
      for (i, place) in variance.enumerated() {
        let center = means[at][i] / Double(count)
        parameters.floats[place] = Float(max(squares[at][i] / Double(count) - center * center, 0) * unbiased)
      }
    }
  }

  /// - Parameter plan: a forward pass of it has been run with the batch's own statistics.
  static func move(_ parameters: ParameterBuffers, by plan: Plan) {
    // One value has no variance.
    for found in plan.batchStatistics where found.count > 1 {
      guard let mean = parameters.ranges[found.mean], let variance = parameters.ranges[found.variance] else { continue }
      let unbiased = Float(found.count) / Float(found.count - 1)
      for (i, at) in mean.enumerated() { parameters.floats[at] += share * (found.batchMean[i] - parameters.floats[at]) }
      for (i, at) in variance.enumerated() {
        parameters.floats[at] += share * (unbiased * found.batchVariance[i] - parameters.floats[at])
      }
    }
  }
}
