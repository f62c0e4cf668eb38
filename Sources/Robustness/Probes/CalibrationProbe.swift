/// Whether the mean probabilities mean what they say, on the examples as they are.
struct CalibrationProbe: Probe {
  static let name = "calibration"
  static let summary = "whether probabilities mean what they say: NLL, Brier score, ECE, reliability"

  func condition(of image: ImageShape) -> Condition { .calibration }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let probabilities = try predictor.probabilities(batch.inputs, identities: batch.identities)
    let clean = zip(probabilities, batch.labels).map { p, label in
      p.indices.reduce(0) { p[$1] > p[$0] ? $1 : $0 } == label
    }
    var outcome = Outcome(clean: clean, robust: clean)
    outcome.probabilities = probabilities
    return outcome
  }
}
