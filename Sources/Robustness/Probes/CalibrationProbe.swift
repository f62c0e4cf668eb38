import DitherInference

/// Whether the mean probabilities mean what they say, on the examples as they are.
struct CalibrationProbe: Probe {
  static let name = "calibration"
  static let summary = "whether probabilities mean what they say: NLL, Brier score, ECE (class-wise too), reliability"
  /// In its summary: ``ClasswiseCalibration``.
  static let classwise = "classwise_ece15"

  func condition(of image: ImageShape) -> Condition { .calibration }
  var gateMeasures: [String]? { Gate.shares + Calibration.measures.keys.sorted() + [Self.classwise] }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let (probabilities, losses) = try predictor.judged(
      batch.inputs, identities: batch.identities, labels: batch.labels)
    let clean = zip(probabilities, batch.labels).map { Label.of($0) == $1 }
    var outcome = Outcome(clean: clean, robust: clean)
    try outcome.keep(
      KeptAnswers(
        probabilities: probabilities, losses: losses.map { $0.isFinite ? $0 : Metrics.lossOfZero }))
    if predictor.model.signature.givesProbabilities {
      outcome.evidence[.zeroProbability] = .init(cases: losses.count { !$0.isFinite }, n: losses.count)
    }
    return outcome
  }

  func sections(of outcomes: [Outcome], labels: ClassLabels) -> ProbeSections {
    let answers = outcomes.kept(KeptAnswers.self), probabilities = answers.flatMap(\.probabilities)
    var sections = ProbeSections()
    guard probabilities.count == labels.count else { return sections }
    let losses = answers.flatMap { $0.losses ?? [] }
    sections.calibration = Calibration(
      probabilities, labels.numbers,
      losses: losses.count == labels.count ? losses : Metrics.losses(probabilities, labels.numbers))
    sections.summary = Self.classwise(probabilities, labels.numbers)
    return sections
  }

  /// The class-wise error; nil without examples.
  private static func classwise(_ probabilities: [[Double]], _ labels: [Int]) -> Summary? {
    guard !labels.isEmpty else { return nil }
    var summary = Summary()
    // A resample is in the order of this, whatever the examples' is.
    let order = labels.indices.sorted { a, b in
      labels[a] != labels[b] ? labels[a] < labels[b] : probabilities[a].lexicographicallyPrecedes(probabilities[b])
    }
    let (probabilities, labels) = (order.map { probabilities[$0] }, order.map { labels[$0] })
    let error = ClasswiseCalibration(probabilities, labels)
    summary.add(
      classwise, error.error(of: labels.indices), Bootstrap([labels.count]).interval { error.error(of: $0) },
      n: labels.count, "calibration error of every class's probability, 15 bins, mean over the classes")
    return summary
  }
}
