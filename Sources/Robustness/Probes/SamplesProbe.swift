import DitherBasics
import DitherInference
import DitherTensor

/// The worth of more draws: accuracy, likelihood and uncertainty against the number of draws S, with their Monte-Carlo
/// errors. The draws of a smaller S are the first of a larger.
struct SamplesProbe: Probe {
  static let name = "samples"
  static let summary = "accuracy and uncertainty against the number of draws, with Monte-Carlo errors"
  /// The largest S; those below are its halvings.
  var most = 64

  func validate() throws(RobustnessError) { try require(most, in: 2...4096, "most") }
  var ignoresNoise: Bool { true }
  func condition(of image: ImageShape) -> Condition { .measurement }

  private var counts: [Int] {
    var counts: [Int] = [], count = most
    while count > 0 {
      counts.append(count)
      count /= 2
    }
    return counts.reversed()
  }

  func cost(examples: Int, draws: Int) -> ProbeCost { ProbeCost(forward: examples * (draws > 1 ? most : 1)) }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let all = try predictor.draws(batch.inputs, identities: batch.identities, samples: most)
    let right = zip(all, batch.labels).map { $0.label == $1 }
    var outcome = Outcome(clean: right, robust: right), columns: [String: [Double]] = [:]
    for count in counts where count <= all.first?.samples ?? 0 {
      let draws = all.map {
        Draws(probabilities: Array($0.probabilities[..<(count * $0.classes)]), classes: $0.classes)
      }
      columns["\(count) right"] = zip(draws, batch.labels).map { $0.label == $1 ? 1 : 0 }
      columns["\(count) nll"] = zip(draws, batch.labels).map { Metrics.negativeLogLikelihood([$0.mean], [$1]) }
      // One draw says nothing of its own error.
      columns["\(count) error"] = draws.compactMap(\.standardError)
      for name in ["predictive_entropy", "mutual_information"] {
        columns["\(count) \(name)"] = draws.compactMap { Uncertainty.scores($0)[name] }
      }
    }
    outcome.columns = columns
    return outcome
  }

  func summary(of outcomes: [Outcome], labels: ClassLabels) -> Summary? {
    let known = counts.filter { Uncertainty.column("\($0) right", outcomes).count == labels.count }
    guard known.count > 1 else { return nil }
    let several = known.filter { $0 > 1 }
    var summary = Summary()
    func curve(_ chart: String, _ name: String, _ column: String, _ y: String, _ counts: [Int]) {
      summary.add(
        .init(
          chart: chart, name: name, x: "draws S", y: y,
          points: counts.map { count in
            // None of them can be below 0.
            let mean = Statistics.mean(Uncertainty.column("\(count) \(column)", outcomes))
            return .init(Double(count), mean.value, mean.interval?.clamped(to: 0...(.infinity)))
          }))
    }
    summary.add(
      .init(
        chart: "Accuracy against the number of draws", name: "mean of S draws", x: "draws S", y: "accuracy",
        points: known.map { count in
          .init(Double(count), Proportion(Uncertainty.column("\(count) right", outcomes).map { $0 > 0 }))
        }))
    curve("Likelihood against the number of draws", "mean of S draws", "nll", "NLL, nats", known)
    curve("Uncertainty against the number of draws", "predictive entropy", "predictive_entropy", "nats", known)
    curve("Uncertainty against the number of draws", "mutual information", "mutual_information", "nats", several)
    curve(
      "Monte-Carlo error against the number of draws", "largest standard error of a probability", "error",
      "standard error", several)
    return summary
  }
}
