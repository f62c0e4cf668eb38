import DitherBasics
import DitherInference
import DitherTensor

/// Prediction sets on trial: thresholds from one half of the examples, coverage and size on the other. The halves are
/// drawn by chance, so that the guarantee applies: coverage of at least 1 − α, on average over such draws; with a
/// threshold for each class, in every class (``Conformal/thresholds(_:_:classes:alpha:)``).
struct ConformalProbe: Probe {
  static let name = "conformal"
  static let summary = "coverage and size of prediction sets: LAC and randomized APS, split in half"
  var alpha = 0.1
  /// Whether each class has a threshold of its own.
  var classConditional = false

  enum CodingKeys: String, CodingKey { case alpha, classConditional = "class_conditional" }

  func validate() throws(RobustnessError) { try require(alpha, in: 0.001...0.9, "alpha") }
  func condition(of image: ImageShape) -> Condition { .measurement }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let probabilities = try predictor.probabilities(batch.inputs, identities: batch.identities)
    let right = zip(probabilities, batch.labels).map { Label.of($0) == $1 }
    var outcome = Outcome(clean: right, robust: right)
    try outcome.keep(KeptAnswers(probabilities: probabilities))
    // Chance that follows the example, for the split and for randomized scores.
    let chance = batch.identities.map { NoiseAddress(seed: mixSeed(batch.seed, $0)).uniforms(2).map(Double.init) }
    outcome.columns = ["half": chance.map { $0[0] }, "u": chance.map { $0[1] }]
    return outcome
  }

  func summary(of outcomes: [Outcome], labels: ClassLabels) -> Summary? {
    let probabilities = outcomes.kept(KeptAnswers.self).flatMap(\.probabilities),
      chance = Uncertainty.column("half", outcomes), u = Uncertainty.column("u", outcomes)
    guard probabilities.count == labels.count, chance.count == labels.count, u.count == labels.count,
      let classes = probabilities.first?.count
    else { return nil }
    let order = chance.indices.sorted { chance[$0] < chance[$1] }, half = order.count / 2
    let calibration = order[..<half], test = order[half...], calibrationLabels = labels.only(calibration)
    var summary = Summary()
    for kind in Conformal.Score.allCases {
      let scores = calibration.map { Conformal.score(probabilities[$0], labels[$0], kind, u: u[$0]) }
      let thresholds =
        classConditional
        ? Conformal.thresholds(scores, calibrationLabels.numbers, classes: classes, alpha: alpha)
        : [Double](repeating: Conformal.threshold(scores, alpha: alpha), count: classes)
      let sets = test.map { Conformal.set(probabilities[$0], kind, thresholds: thresholds, u: u[$0]) }
      add(zip(test, sets).map { (labels[$0], $1) }, kind, labels, to: &summary)
      if !classConditional, thresholds[0].isFinite {
        summary.add("threshold_\(kind.rawValue)", thresholds[0], n: half, "from \(half) examples")
      }
    }
    remark(calibrationLabels, classes, in: &summary)
    return summary
  }

  private func add(
    _ sets: [(label: Int, set: [Int])], _ kind: Conformal.Score, _ labels: ClassLabels, to summary: inout Summary
  ) {
    let name = kind.rawValue, covered = Proportion(sets.map { $0.set.contains($0.label) })
    let size = Statistics.mean(sets.map { Double($0.set.count) })
    summary.add(
      "coverage_\(name)", covered.value, covered.interval, n: covered.n,
      "share of sets with the true class; asked: \(Written.percent(1 - alpha))")
    let byClass = Dictionary(grouping: sets, by: \.label).mapValues { Proportion($0.map { $0.set.contains($0.label) }) }
    // The lowest of many shares is low by chance too: its own interval says how low.
    if let (label, least) = byClass.min(by: { ($0.value.value, $0.key) < ($1.value.value, $1.key) }) {
      summary.add(
        "worst_class_coverage_\(name)", least.value, least.interval, n: least.n,
        "the same of the class where it is lowest, \(labels.name(of: label))")
    }
    summary.add("set_size_\(name)", size.value, size.interval, n: covered.n, "mean number of classes in a set")
    summary.add(
      "empty_sets_\(name)", Proportion(sets.map { $0.set.isEmpty }).value,
      Proportion(sets.map { $0.set.isEmpty }).interval, n: covered.n, "share of sets without any class")
    summary.add(
      .init(
        chart: "Sizes of prediction sets", name: name, x: "classes in the set", y: "share of sets",
        points: (0...(sets.map(\.set.count).max() ?? 0)).map { size in
          .init(Double(size), Proportion(sets.map { $0.set.count == size }))
        }))
  }

  /// Below some number of examples no threshold is finite: every class is in every set.
  private func remark(_ labels: ClassLabels, _ classes: Int, in summary: inout Summary) {
    let least = Conformal.leastExamples(alpha: alpha), asked = Written.percent(1 - alpha)
    guard classConditional else {
      let passed = labels.count >= least
      summary.remark(
        "conformal_examples", passed: passed,
        "Thresholds come from \(labels.count) examples, half of all; a coverage of \(asked) takes \(least) of them."
          + (passed
            ? "" : " No finite threshold exists: every set holds all classes and says nothing. Send more examples."))
      return
    }
    let counts = labels.reduce(into: [Int](repeating: 0, count: classes)) { $0[$1] += 1 }
    let few = counts.indices.filter { counts[$0] < least }
    summary.remark(
      "conformal_examples", passed: few.isEmpty,
      "A coverage of \(asked) in each class takes \(least) examples of it, beside as many to try it on; "
        + (few.isEmpty
          ? "each has them."
          : "\(few.count) of \(classes) classes have fewer (\(few.prefix(8).map(labels.name).joined(separator: ", "))"
            + (few.count > 8 ? ", …" : "") + "): no finite threshold exists, and they are in every set."))
  }
}
