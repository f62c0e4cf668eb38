import DitherBasics
import DitherInference
import DitherTensor
import Foundation

/// The effect of one temperature for every draw's logits for calibration: fitted on one half of the examples, drawn by
/// chance, tried on the other. Guo et al. 2017, arXiv 1706.04599. Where the one half has no likeliest temperature, as
/// without a wrong answer, it fails as a whole.
struct TemperatureProbe: Probe {
  static let name = "temperature"
  static let summary = "calibration before and after one temperature, fitted on half of the examples"

  var takesAllExamples: Bool { true }
  func condition(of image: ImageShape) -> Condition { .measurement }
  func cost(examples: Int, draws: Int) -> ProbeCost { ProbeCost(forward: examples * draws) }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let draws = try predictor.draws(batch.inputs, identities: batch.identities)
    let right = zip(draws, batch.labels).map { $0.label == $1 }
    var outcome = Outcome(clean: right, robust: right), summary = Summary()
    let chance = batch.identities.map { NoiseAddress(seed: mixSeed(batch.seed, $0)).uniform(0) }
    let order = chance.indices.sorted { (chance[$0], $0) < (chance[$1], $1) }
    let fitted = order[..<(order.count / 2)], held = order[(order.count / 2)...], labels = held.map { batch.labels[$0] }
    guard let classes = draws.first?.classes, !fitted.isEmpty else { return outcome }
    // ln p is a logit like any other; of p = 0 it is one that no temperature brings back.
    let logits = draws.map { $0.probabilities.map { log(max($0, .leastNormalMagnitude)) } }
    let temperature = try Temperature.fit(
      logits: fitted.map { logits[$0] }, classes: classes, labels: fitted.map { batch.labels[$0] })
    summary.add("temperature", temperature, n: fitted.count, "that fits best; above 1 the model is too sure of itself")
    for (name, t) in [("before", 1), ("after", temperature)] {
      let probabilities = held.map { Temperature.mean(logits[$0], classes: classes, temperature: t) }
      let reliability = Metrics.reliability(probabilities, labels), n = labels.count
      summary.add(
        "nll_\(name)", Metrics.negativeLogLikelihood(probabilities, labels), n: n, "mean −ln p of the true class, nats")
      summary.add("brier_\(name)", Metrics.brier(probabilities, labels), n: n, "Brier score")
      summary.add("ece_\(name)", Metrics.calibrationErrors(reliability).expected, n: n, "calibration error, 15 bins")
      summary.add(
        .init(
          chart: "Reliability before and after the temperature", name: name, x: "mean probability of the answer",
          y: "share that is right",
          points: reliability.filter { $0.count > 0 }.map { bin in
            .init(bin.confidenceSum / Double(bin.count), Proportion(bin.correct, of: bin.count))
          }))
    }
    outcome.summary = summary
    return outcome
  }
}
