import DitherBasics
import DitherInference
import DitherTensor

/// The worst weights near by: gradient ascent of the mean loss inside a relative ball, ‖δ‖ ≤ γ ‖w‖ for each layer.
/// Source: Wu et al. 2020, arXiv 2004.05884, 3 (adversarial weight perturbation), there one step in training.
struct WorstWeightsProbe: Probe {
  static let name = "worst_weights"
  static let summary = "accuracy under the worst perturbation of the weights in a relative ball"
  /// Radii as shares of each layer's length, with ; between.
  var gammas = "0.005;0.01;0.02;0.05"
  var steps = 10

  func validate() throws(RobustnessError) {
    _ = try NumberList.parse(gammas, "gammas", in: 0...10)
    try require(steps, in: 1...10_000, "steps")
  }
  var takesAllExamples: Bool { true }
  var ignoresNoise: Bool { true }
  func condition(of image: ImageShape) -> Condition { .measurement }

  func cost(examples: Int, draws: Int) -> ProbeCost {
    let count = (try? NumberList.parse(gammas, "gammas", in: 0...10).count) ?? 1
    return ProbeCost(forward: examples * draws, gradient: examples * (steps + 2) * count, sweeps: 12 * steps * count)
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    var outcome = try Outcome.clean(batch, predictor), summary = Summary()
    let landscape = try WeightLandscape(batch, predictor), n = batch.labels.count
    let clean = try landscape.evaluate(landscape.start)
    var accuracies = [Summary.Point(0, Proportion(clean.correct, of: n))], losses = [Summary.Point(0, clean.loss)]
    var worst = landscape.start, last = 0.0
    for gamma in try NumberList.parse(gammas, "gammas", in: 0...10).sorted() {
      // From where the smaller ball ended, stretched to the larger.
      let stretch = last > 0 ? gamma / last : 0
      worst = zip(landscape.start, worst).map { $0 + Float(stretch) * ($1 - $0) }
      last = gamma
      worst = try climb(from: worst, gamma, landscape)
      let found = try landscape.evaluate(worst), share = Proportion(found.correct, of: n)
      accuracies.append(.init(gamma, share))
      losses.append(.init(gamma, found.loss))
      summary.add("accuracy_at_\(gamma)", share.value, share.interval, n: n, "accuracy at γ = \(gamma)")
    }
    let axis = "γ, share of each layer's length"
    summary.add(
      .init(
        chart: "Accuracy under the worst weights", name: "gradient ascent", x: axis, y: "accuracy", points: accuracies))
    summary.add(
      .init(chart: "Loss under the worst weights", name: "gradient ascent", x: axis, y: "cross-entropy", points: losses)
    )
    outcome.summary = summary
    return outcome
  }

  /// The best of the points passed.
  private func climb(from start: [Float], _ gamma: Double, _ landscape: WeightLandscape) throws -> [Float] {
    var here = start, best = start, bestLoss = -Double.infinity
    for step in 0...steps {
      let found = try landscape.evaluate(here, wantsGradient: step < steps)
      if found.loss > bestLoss { (best, bestLoss) = (here, found.loss) }
      guard step < steps else { break }
      for weight in landscape.weights {
        let own = Array(landscape.start[weight.range]), slope = Array(found.gradient[weight.range])
        let radius = gamma * Vectors.length(own), size = Vectors.length(slope)
        guard size > 0, size.isFinite else { continue }
        var delta = weight.range.enumerated().map { here[$1] - own[$0] }
        delta = Vectors.add(delta, 2.5 * radius / Double(steps) / size, slope)
        let length = Vectors.length(delta)
        if length > radius { delta = Vectors.scaled(delta, radius / length) }
        for (offset, index) in weight.range.enumerated() { here[index] = own[offset] + delta[offset] }
      }
    }
    return best
  }
}
