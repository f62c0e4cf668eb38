import DitherBasics
import DitherInference
import DitherTensor

/// Whether uncertainty stays honest as inputs get worse: accuracy, NLL, calibration error, risk–coverage, mean
/// uncertainty and conformal coverage under one corruption at rising severity. Thresholds of the prediction sets are
/// those of half of the clean examples; what is said of the shifted ones has no guarantee, which is what is shown.
/// Ovadia et al. 2019, arXiv 1906.02530.
struct ShiftProbe: Probe {
  static let name = "shift"
  static let summary = "calibration, uncertainty and prediction sets under rising corruption"
  var corruption = "gaussian_noise"
  var alpha = 0.1

  func validate() throws(RobustnessError) {
    try require(alpha, in: 0.001...0.9, "alpha")
    guard (try? Catalog<any Corruption.Type>.corruptions.entry(named: corruption)) != nil else {
      throw RobustnessError(
        .parameter, at: "corruption",
        expected: "one of \(Catalog<any Corruption.Type>.corruptions.names.joined(separator: ", "))",
        got: "'\(corruption.clipped())'")
    }
  }
  var needsPictures: Bool { true }
  func condition(of image: ImageShape) -> Condition { .measurement }

  func cost(examples: Int, draws: Int) -> ProbeCost { ProbeCost(forward: 6 * examples * draws) }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let kind = try Catalog<any Corruption.Type>.corruptions.entry(named: corruption).init()
    var outcome: Outcome?, columns: [String: [Double]] = [:]
    for severity in 0...5 {
      let inputs =
        severity == 0
        ? batch.inputs
        : kind.apply(to: batch.inputs, identities: batch.identities, severity: severity, seed: batch.seed)
      let draws = try predictor.draws(inputs, identities: batch.identities)
      if severity == 0 {
        let right = zip(draws, batch.labels).map { $0.label == $1 }
        outcome = Outcome(clean: right, robust: right)
      }
      for (c, name) in classColumns(predictor.model.signature.classes).enumerated() {
        columns["\(severity) \(name)"] = draws.map { $0.mean[c] }
      }
      for (name, values) in Uncertainty.columns(draws) { columns["\(severity) \(name)"] = values }
    }
    let chance = batch.identities.map { NoiseAddress(seed: mixSeed(batch.seed, $0)).uniforms(2).map(Double.init) }
    columns["half"] = chance.map { $0[0] }
    columns["u"] = chance.map { $0[1] }
    outcome?.columns = columns
    try outcome?.keep(predictor.model.signature.classes)
    return outcome ?? Outcome(clean: [], robust: [])
  }

  private func classColumns(_ classes: Int) -> [String] { (0..<classes).map { "p\($0)" } }

  func summary(of outcomes: [Outcome], labels: ClassLabels) -> Summary? {
    let classes = outcomes.first?.kept?.value(as: Int.self) ?? 0, n = labels.count
    let chance = Uncertainty.column("half", outcomes), u = Uncertainty.column("u", outcomes)
    guard classes > 0, chance.count == n, u.count == n else { return nil }
    let probabilities = (0...5).map { severity -> [[Double]] in
      let columns = classColumns(classes).map { Uncertainty.column("\(severity) \($0)", outcomes) }
      return (0..<n).map { row in columns.map { $0[row] } }
    }
    let order = chance.indices.sorted { chance[$0] < chance[$1] }, calibration = order[..<(n / 2)],
      test = order[(n / 2)...]
    var summary = Summary()
    func curve(_ chart: String, _ name: String, _ y: String, _ value: (Int, [[Double]]) -> Summary.Point) {
      summary.add(
        .init(chart: chart, name: name, x: "severity", y: y, points: (0...5).map { value($0, probabilities[$0]) }))
    }
    curve("Accuracy", corruption, "accuracy") { severity, p in
      .init(Double(severity), Proportion(zip(p, labels).map { Metrics.accuracy([$0], [$1]) == 1 }))
    }
    curve("Negative log-likelihood", corruption, "nats") { severity, p in
      let losses = zip(p, labels).map { Metrics.negativeLogLikelihood([$0], [$1]) }
      let mean = Statistics.mean(losses)
      return .init(Double(severity), mean.value, mean.interval)
    }
    curve("Calibration error", "ECE, 15 bins", "error") {
      .init(Double($0), Metrics.expectedCalibrationError($1, labels.numbers))
    }
    curve("Calibration error", "adaptive ECE", "error") {
      .init(Double($0), Metrics.adaptiveCalibrationError($1, labels.numbers))
    }
    curve("Area under risk–coverage", "by the largest probability", "AURC") {
      .init(Double($0), Metrics.areaUnderRiskCoverage($1, labels.numbers))
    }
    for name in ["predictive_entropy", "mutual_information"]
    where Uncertainty.column("0 \(name)", outcomes).count == n {
      curve("Mean uncertainty", name, "nats") { severity, _ in
        let mean = Statistics.mean(Uncertainty.column("\(severity) \(name)", outcomes))
        return .init(Double(severity), mean.value, mean.interval)
      }
    }
    for kind in Conformal.Score.allCases {
      let threshold = Conformal.threshold(
        calibration.map { Conformal.score(probabilities[0][$0], labels[$0], kind, u: u[$0]) }, alpha: alpha)
      curve("Coverage of prediction sets", kind.rawValue, "share with the true class") { severity, p in
        let covered = test.count { Conformal.set(p[$0], kind, threshold: threshold, u: u[$0]).contains(labels[$0]) }
        return .init(Double(severity), Proportion(covered, of: test.count))
      }
      curve("Size of prediction sets", kind.rawValue, "classes") { severity, p in
        let mean = Statistics.mean(
          test.map { Double(Conformal.set(p[$0], kind, threshold: threshold, u: u[$0]).count) })
        return .init(Double(severity), mean.value, mean.interval)
      }
    }
    let least = Conformal.leastExamples(alpha: alpha)
    summary.remark(
      "conformal_examples", passed: n / 2 >= least,
      "Thresholds come from \(n / 2) examples, half of all; a coverage of \(Written.percent(1 - alpha)) takes \(least) of them."
        + (n / 2 >= least ? "" : " No finite threshold exists: every set holds all classes and says nothing."))
    for severity in [0, 5] {
      summary.add(
        "ece_severity_\(severity)", Metrics.expectedCalibrationError(probabilities[severity], labels.numbers), n: n,
        "calibration error at severity \(severity)")
    }
    return summary
  }
}
