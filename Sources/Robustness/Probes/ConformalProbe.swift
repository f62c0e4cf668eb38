import DitherBasics
import DitherInference
import DitherTensor

/// Prediction sets on trial: thresholds from one half of the examples, coverage and size on the other. The halves are drawn by
/// chance, so that the guarantee applies: coverage of at least 1 − α, on average over such draws.
struct ConformalProbe: Probe {
  static let name = "conformal"
  static let summary = "coverage and size of prediction sets: LAC and randomised APS, split in half"
  var alpha = 0.1

  func validate() throws(RobustnessError) { try require(alpha, in: 0.001...0.9, "alpha") }
  func condition(of image: ImageShape) -> Condition { .measurement }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let probabilities = try predictor.probabilities(batch.inputs, identities: batch.identities)
    let right = zip(probabilities, batch.labels).map { Metrics.accuracy([$0], [$1]) == 1 }
    var outcome = Outcome(clean: right, robust: right)
    outcome.probabilities = probabilities
    // Chance that follows the example, for the split and for randomised scores.
    let chance = batch.identities.map { NoiseAddress(seed: mixSeed(batch.seed, $0)).uniforms(2).map(Double.init) }
    outcome.columns = ["half": chance.map { $0[0] }, "u": chance.map { $0[1] }]
    return outcome
  }

  func summary(of outcomes: [Outcome], labels: [Int]) -> Summary? {
    let probabilities = outcomes.compactMap(\.probabilities).flatMap { $0 },
      chance = Uncertainty.column("half", outcomes), u = Uncertainty.column("u", outcomes)
    guard probabilities.count == labels.count, chance.count == labels.count, u.count == labels.count else { return nil }
    let order = chance.indices.sorted { chance[$0] < chance[$1] }, half = order.count / 2
    let calibration = order[..<half], test = order[half...]
    var summary = Summary()
    for kind in Conformal.Score.allCases {
      let threshold = Conformal.threshold(
        calibration.map { Conformal.score(probabilities[$0], labels[$0], kind, u: u[$0]) }, alpha: alpha)
      let sets = test.map { Conformal.set(probabilities[$0], kind, threshold: threshold, u: u[$0]) }
      let covered = Proportion(zip(test, sets).count { $1.contains(labels[$0]) }, of: sets.count)
      let size = Statistics.mean(sets.map { Double($0.count) }), name = kind.rawValue
      summary.add(
        "coverage_\(name)", covered.value, covered.interval, n: covered.n,
        "share of sets with the true class; asked: \(Written.percent(1 - alpha))")
      summary.add("set_size_\(name)", size.value, size.interval, n: covered.n, "mean number of classes in a set")
      if threshold.isFinite { summary.add("threshold_\(name)", threshold, n: half, "from \(half) examples") }
      summary.add(
        .init(
          chart: "Sizes of prediction sets", name: name, x: "classes in the set", y: "share of sets",
          points: (0...(sets.map(\.count).max() ?? 0)).map { size in
            .init(Double(size), Proportion(sets.count { $0.count == size }, of: sets.count))
          }))
    }
    return summary
  }
}
