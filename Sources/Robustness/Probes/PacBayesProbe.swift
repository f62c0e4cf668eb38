import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// A certificate of the noisy model's risk: the Gibbs classifier, which answers with one draw of its noise, errs at
/// most so often, with probability 1 − δ over the choice of the examples and the draws. Its posterior is the model's
/// noise as it is served. Without `prior` that is its prior too: KL = 0, and the examples must be none that the model
/// was trained or chosen by. With it the prior is the noise of a model that the audited one is compared with: the
/// examples must be none that *it* was made with, and the audited one may be trained on them. A model without noise has
/// one draw, itself. It says nothing of the mean of the draws, which has a bound of its own beside it where KL = 0.
/// Source: ``PacBayesBound``.
struct PacBayesProbe: Probe {
  static let name = "pac_bayes"
  static let summary = "a bound on the risk of single draws on data like these, with probability 1 − δ (PAC-Bayes)"

  /// Draws for each example.
  var draws = 10
  /// The probability with which the draws may mislead, δ₁.
  var deltaOfDraws = 0.01
  /// The probability with which the examples may mislead, δ₂.
  var deltaOfExamples = 0.025
  /// The number of the baseline, from 1, whose noise is the prior; nil: the model's own.
  var prior: Int?
  /// Priors that were tried on these examples, of which this one is the best: both probabilities are shared by them.
  var priors = 1
  private enum CodingKeys: String, CodingKey {
    case draws, prior, priors
    case deltaOfDraws = "delta_draws"
    case deltaOfExamples = "delta_examples"
  }

  func validate() throws(RobustnessError) {
    try require(draws, in: 1...65_536, "draws")
    try require(deltaOfDraws, in: 1e-12...0.5, "delta_draws")
    try require(deltaOfExamples, in: 1e-12...0.5, "delta_examples")
    if let prior { try require(prior, in: 1...64, "prior") }
    try require(priors, in: 1...100_000, "priors")
  }
  var ignoresNoise: Bool { true }
  func condition(of image: ImageShape) -> Condition { .measurement }
  func cost(examples: Int, draws: Int) -> ProbeCost { ProbeCost(forward: examples * (draws + self.draws)) }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    var outcome = try Outcome.clean(batch, predictor)
    // Nothing is said of a model that is compared with: it has another prior.
    guard prior == nil || batch.wantsEvidence else { return outcome }
    let divergence = try divergence(of: predictor.model, batch.transfers)
    // Draws that no other question has.
    let all = try predictor.redrawn.draws(batch.inputs, identities: batch.identities, samples: draws)
    outcome.columns = [
      "wrong": zip(all, batch.labels).map { draws, label in
        let classes = draws.classes
        let wrong = (0..<draws.samples).count { at in
          Label.of(Array(draws.probabilities[at * classes..<(at + 1) * classes])) != label
        }
        return Double(wrong) / Double(max(draws.samples, 1))
      },
      // Examples that share their draws are one number of the mean.
      "draws": all.map { Double($0.samples) },
      "divergence": batch.labels.map { _ in divergence },
      "group": batch.identities.map {
        Double($0 / (predictor.model.drawsFreshNoise ? 1 : DeployedPredictor.examplesPerRequest))
      },
    ]
    return outcome
  }

  private func divergence(of model: Model, _ others: [DeployedPredictor]) throws -> Double {
    guard let prior else { return 0 }
    guard others.indices.contains(prior - 1) else {
      throw RobustnessError(
        .parameter, at: "probe \(Self.name), 'prior'",
        expected: others.isEmpty ? "a baseline" : "the number of a baseline, 1 to \(others.count)", got: "\(prior)",
        advice: "say --baseline PRIOR.onnx")
    }
    let found = try model.graph.weightDivergence(from: others[prior - 1].model.graph)
    // JSON has no infinity; the bound is 1 long before.
    return min(found, 1e300)
  }

  func summary(of outcomes: [Outcome], labels: ClassLabels) -> Summary? {
    let wrong = Uncertainty.column("wrong", outcomes), groups = Set(Uncertainty.column("group", outcomes)).count
    guard wrong.count == labels.count, let made = Uncertainty.column("draws", outcomes).first else { return nil }
    let divergence = Uncertainty.column("divergence", outcomes).first ?? 0
    let n = wrong.count, delta = deltaOfDraws + deltaOfExamples, draws = Int(made)
    let found = PacBayesBound(
      empiricalRisk: wrong.reduce(0, +) / Double(n), draws: draws > 1 ? groups * draws : nil, examples: n,
      divergence: divergence, deltaOfDraws: deltaOfDraws, deltaOfExamples: deltaOfExamples, priors: priors)
    let share = priors > 1 ? "\(priors) · " : ""
    let averaged = outcomes.flatMap(\.clean).count { !$0 }
    var summary = Summary()
    summary.add(
      "certificate", found.bound, n: n,
      "the risk of single draws is at most this with probability \(1 - delta), if none of these examples was used to "
        + "make the \(prior == nil ? "model" : "prior"): kl⁻¹(kl⁻¹(r̂, ln(\(priors)/δ₁)/N), (KL + ln(\(share)2√n/δ₂))/n)"
        + (prior == nil ? ", KL = 0" : ""))
    if prior != nil {
      summary.add("divergence", divergence, "KL of the model's weights from the prior's, in nats")
    }
    summary.add("gibbs_risk", found.empiricalRisk, n: n, "r̂, the share of wrong draws, \(draws) of each example")
    summary.add(
      "gibbs_risk_bound", found.empiricalBound, n: draws > 1 ? groups * draws : n,
      "r̂ of all draws that could be, at most, with probability 1 − δ₁ = \(1 - deltaOfDraws)")
    // Holds for a classifier that was fixed before it saw the examples.
    guard prior == nil else { return summary }
    summary.add(
      "averaged_bound", Statistics.upperBound(averaged, of: n, alpha: delta / Double(priors)), n: n,
      "the risk of the deployed predictor, which answers by the mean of its draws: Clopper and Pearson's bound of the "
        + "same examples, with the same probability")
    return summary
  }
}

extension ProbeReport {
  /// Whether it bounds the risk with a stated probability.
  package var isGuarantee: Bool { probe == PacBayesProbe.name && summary != nil }
}
