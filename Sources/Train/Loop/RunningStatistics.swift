import DitherGraph

/// Running means of what normalizations find, for inference: a tenth of each batch, with the unbiased variance.
enum RunningStatistics {
  private static let share: Float = 0.1

  /// - Parameter plan: a forward pass of it has been run with the batch's own statistics.
  static func move(_ parameters: ParameterBuffers, by plan: Plan) {
    for found in plan.batchStatistics {
      guard let mean = parameters.ranges[found.mean], let variance = parameters.ranges[found.variance] else { continue }
      let unbiased = Float(found.count) / Float(max(found.count - 1, 1))
      for (i, at) in mean.enumerated() { parameters.floats[at] += share * (found.batchMean[i] - parameters.floats[at]) }
      for (i, at) in variance.enumerated() {
        parameters.floats[at] += share * (unbiased * found.batchVariance[i] - parameters.floats[at])
      }
    }
  }
}
