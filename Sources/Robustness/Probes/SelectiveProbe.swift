import DitherBasics
import DitherInference

/// Whether uncertainty tells errors: the risk when only the surest examples are answered, by every measure.
struct SelectiveProbe: Probe {
  static let name = "selective"
  static let summary = "risk against coverage by each uncertainty: AURC, coverage at a risk, AUROC of errors"
  /// The risk whose coverage is reported.
  var risk = 0.05

  func validate() throws(RobustnessError) { try require(risk, in: 0...1, "risk") }
  func condition(of image: ImageShape) -> Condition { .measurement }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    try Uncertainty.outcome(batch, predictor)
  }

  func summary(of outcomes: [Outcome], labels: ClassLabels) -> Summary? {
    let right = outcomes.flatMap(\.robust)
    var summary = Summary()
    for name in Uncertainty.names {
      let scores = Uncertainty.column(name, outcomes)
      guard scores.count == right.count else { continue }
      let curve = RiskCoverage(right, uncertainty: scores)
      let wrong = right.indices.filter { !right[$0] }.map { scores[$0] }
      let kept = right.indices.filter { right[$0] }.map { scores[$0] }
      let (aurc, auroc) = intervals(right, scores)
      summary.add("aurc_\(name)", curve.area, aurc, n: right.count, "area under risk–coverage, by \(name)")
      summary.add("e_aurc_\(name)", curve.excess, n: right.count, "the same less that of a perfect order")
      summary.add(
        "coverage_at_risk_\(name)", curve.coverage(atRisk: risk), n: right.count,
        "share answered at a risk of \(Written.percent(risk)), by \(name)")
      if !wrong.isEmpty, !kept.isEmpty {
        summary.add(
          "error_auroc_\(name)", Metrics.areaUnderROC(negatives: kept, positives: wrong), auroc, n: right.count,
          "how well \(name) tells wrong answers from right ones")
      }
      guard ["msp", "predictive_entropy", "mutual_information"].contains(name) else { continue }
      summary.add(
        .init(
          chart: "Risk against coverage", name: name, x: "share answered", y: "share of those wrong",
          points: curve.points))
    }
    return summary
  }

  /// Intervals of AURC and of the AUROC of errors, by the bootstrap over the examples; of the latter over those
  /// resamples that have both kinds.
  private func intervals(_ right: [Bool], _ scores: [Double]) -> (aurc: Interval?, auroc: Interval?) {
    // Ties too are in one order, whatever the examples' is.
    let order = right.indices.sorted { (scores[$0], right[$0] ? 0 : 1) < (scores[$1], right[$1] ? 0 : 1) }
    let right = order.map { right[$0] }, scores = order.map { scores[$0] }
    let found = Bootstrap([right.count]).intervals { drawn in
      let kept = drawn[0].filter { right[$0] }.map { scores[$0] }, wrong = drawn[0].filter { !right[$0] }
      return [
        RiskCoverage(sorted: drawn[0].map { right[$0] }, uncertainty: drawn[0].map { scores[$0] }).area,
        Metrics.areaUnderROC(negatives: kept, positives: wrong.map { scores[$0] }),
      ]
    }
    return (found[0], found[1])
  }
}
