import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// Accuracy and loss against the strength of noise on the weights, L(σ): single draws, as one device or one posterior
/// sample would answer, without averaging. Intervals are over draws and examples (``Statistics/Crossed``): those of
/// another device on other data. Source: e.g. Petzka et al. 2021, arXiv 2001.00939, for what L(σ) says of flatness.
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
    let unanswered = [Double](repeating: 0, count: batch.labels.count - answered.labels.count)
    var clean: [Double] = []
    let all = [0] + (try NumberList.parse(sigmas, "sigmas", in: 0...100))
    for (at, sigma) in all.enumerated() {
      let found = try measure(sigma, answered, predictor.model)
      // An example without an answer is wrong.
      let right = Statistics.Crossed(found.map { $0.right + unanswered })
      let loss = Statistics.Crossed(found.map(\.losses))
      accuracies.append(.init(sigma, right.value, right.shareInterval))
      losses.append(.init(sigma, loss.value, loss.interval?.clamped(to: 0...(.infinity))))
      if at == 0 { clean = found[0].losses }
      if at == all.count - 1 {
        summary.add(
          "accuracy", right.value, right.shareInterval, n: draws,
          "the accuracy of single draws at the last σ; its interval is over draws and examples")
        let rise = Statistics.Crossed(found.map { zip($0.losses, clean).map { $0 - $1 } })
        summary.add(
          "loss_rise", rise.value, rise.interval, n: draws,
          "L(σ) − L(0) at the last σ, in nats; its interval is over draws and examples")
      }
    }
    let axis = "σ of the weights, \(scale.rawValue)"
    summary.add(
      .init(chart: "Accuracy under weight noise", name: "single draws", x: axis, y: "accuracy", points: accuracies))
    summary.add(
      .init(chart: "Loss under weight noise, L(σ)", name: "single draws", x: axis, y: "cross-entropy", points: losses))
    outcome.summary = summary
    return outcome
  }

  /// By draw, then example.
  private func measure(_ sigma: Double, _ batch: ProbeBatch, _ model: Model) throws -> [(
    right: [Double], losses: [Double]
  )] {
    var graph = model.graph
    graph.noise = sigma > 0 ? NoiseModel([.init(.weights, sigma: Float(sigma), scale: scale)]) : nil
    let noisy = try Model(graph), inputs = model.signature.normalized(batch.inputs), n = batch.labels.count
    return try (0..<(sigma > 0 ? draws : 1)).map { draw in
      try batch.proceed()
      // The same draw for all examples: one set of weights.
      let outputs =
        sigma > 0
        ? try noisy.sampledOutputs(
          inputs,
          NoiseDraws(draw..<draw + 1, seeds: [UInt64](repeating: batch.seed, count: n), path: .explicit)
        ).reshaped([n, model.signature.classes])
        : try noisy.outputs(inputs)
      return (
        zip(outputs.labels(), batch.labels).map { $0 == $1 ? 1 : 0 },
        model.signature.losses(outputs, labels: batch.labels).map { $0.isFinite ? $0 : Metrics.lossOfZero }
      )
    }
  }
}
