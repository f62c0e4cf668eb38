/// The accuracy of the deployed predictor on the examples as they are.
struct CleanProbe: Probe {
  static let name = "clean"
  static let summary = "accuracy on the examples as they are"

  var takesValues: Bool { true }
  func condition(of image: ImageShape) -> Condition { .clean }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    try Outcome.clean(batch, predictor)
  }

  func sections(of outcomes: [Outcome], labels: ClassLabels) -> ProbeSections {
    ProbeSections(summary: ValueSummary.unchanged(outcomes, names: ["rmse", "mae"]))
  }
}
