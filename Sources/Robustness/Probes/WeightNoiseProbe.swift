import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// Accuracy and loss against the strength of noise on the weights, L(σ): single draws, as one device or one posterior sample
/// would answer, without averaging. Source: e.g. Petzka et al. 2021, arXiv 2001.00939, for what L(σ) says of flatness.
struct WeightNoiseProbe: Probe {
  static let name = "weight_noise"
  static let summary = "accuracy and loss against the strength of noise on the weights"

  /// Standard deviations, with ; between.
  var sigmas = "0.01;0.02;0.05;0.1;0.2;0.5"
  var scale = NoiseModel.Scale.relativeToLayer
  /// Draws of all weights.
  var draws = 16

  func validate() throws(RobustnessError) {
    _ = try NumberList.parse(sigmas, "sigmas", in: 0...100)
    try require(draws, in: 2...1024, "draws")
  }
  var takesAllExamples: Bool { true }
  var ignoresNoise: Bool { true }
  func condition(of image: ImageShape) -> Condition { .measurement }

  func cost(examples: Int, draws: Int) -> ProbeCost {
    let count = (try? NumberList.parse(sigmas, "sigmas", in: 0...100).count) ?? 1
    // A draw of all weights is about eight passes over them, a model with its own noise twenty.
    return ProbeCost(
      forward: examples * (draws + 1 + self.draws * count), sweeps: (8 * self.draws + 20) * count + 20)
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    var outcome = try Outcome.clean(batch, predictor), summary = Summary()
    var accuracies: [Summary.Point] = [], losses: [Summary.Point] = []
    let answered = try batch.answered(by: predictor)
    let share = Double(answered.labels.count) / Double(max(batch.labels.count, 1))
    for sigma in [0] + (try NumberList.parse(sigmas, "sigmas", in: 0...100)) {
      let (right, loss) = try measure(sigma, answered, predictor.model)
      // What has no answer is wrong.
      let accuracy = right.map { $0 * share }
      let (found, mean) = (Statistics.mean(accuracy), Statistics.mean(loss))
      guard accuracy.count > 1 else {
        // Without noise there are no draws to be a mean over: a share of the examples, and a loss without an interval.
        let n = batch.labels.count
        accuracies.append(.init(sigma, Proportion(Int((found.value * Double(n)).rounded()), of: n)))
        losses.append(.init(sigma, mean.value))
        continue
      }
      accuracies.append(.init(sigma, found.value, found.interval.clamped(to: 0...1)))
      losses.append(.init(sigma, mean.value, mean.interval.clamped(to: 0...(.infinity))))
    }
    let axis = "σ of the weights, \(scale.rawValue)"
    summary.add(
      .init(chart: "Accuracy under weight noise", name: "single draws", x: axis, y: "accuracy", points: accuracies))
    summary.add(
      .init(chart: "Loss under weight noise, L(σ)", name: "single draws", x: axis, y: "cross-entropy", points: losses))
    if let clean = losses.first, let last = losses.last {
      summary.add("loss_rise", last.y - clean.y, n: draws, "L(σ) − L(0) at the largest σ, in nats")
    }
    outcome.summary = summary
    return outcome
  }

  /// By draw.
  private func measure(_ sigma: Double, _ batch: ProbeBatch, _ model: Model) throws -> (
    accuracy: [Double], loss: [Double]
  ) {
    var graph = model.graph
    graph.noise = sigma > 0 ? NoiseModel([.init(.weights, sigma: Float(sigma), scale: scale)]) : nil
    let noisy = try Model(graph), inputs = model.signature.normalised(batch.inputs), n = batch.labels.count
    var accuracy: [Double] = [], loss: [Double] = []
    for draw in 0..<(sigma > 0 ? draws : 1) {
      try batch.proceed()
      // The same draw for all examples: one set of weights.
      let outputs =
        sigma > 0
        ? try noisy.sampledOutputs(
          inputs, samples: draw..<draw + 1, seeds: [UInt64](repeating: batch.seed, count: n), path: .explicit)
        : try noisy.outputs(inputs)
      let probabilities = model.signature.meanProbabilities(outputs, rows: n)
      accuracy.append(Metrics.accuracy(probabilities, batch.labels))
      loss.append(Metrics.negativeLogLikelihood(probabilities, batch.labels))
    }
    return (accuracy, loss)
  }
}
