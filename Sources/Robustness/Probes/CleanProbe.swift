/// The accuracy of the deployed predictor on the examples as they are.
struct CleanProbe: Probe {
  static let name = "clean"
  static let summary = "accuracy on the examples as they are"

  func condition(of image: ImageShape) -> Condition { .clean }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    try Outcome.clean(batch, predictor)
  }
}
