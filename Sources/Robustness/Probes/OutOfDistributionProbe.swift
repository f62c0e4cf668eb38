import DitherBasics
import DitherInference
import DitherTensor

/// Whether uncertainty tells inputs of another kind: AUROC, AUPR and FPR at 95 % recall by every measure, examples of
/// the data against those of another set. In-distribution examples are the positives of FPR95, the others those of
/// AUPR, as in Hendrycks and Gimpel 2017, arXiv 1610.02136.
struct OutOfDistributionProbe: Probe {
  static let name = "ood"
  static let summary = "whether uncertainty, logits and energy tell inputs of another set: AUROC, AUPR, FPR95"
  /// The other set: `fashion-mnist`, `notmnist:500` for its first 500, or a file of inputs.
  var data = "fashion-mnist"

  func validate() throws(RobustnessError) {
    guard !data.isEmpty else {
      throw RobustnessError(.parameter, at: "data", expected: "the name of a data set", got: "nothing")
    }
  }
  var takesAllExamples: Bool { true }
  var otherData: [String] { [data] }
  /// Probabilities and logits of both sets.
  func cost(examples: Int, draws: Int) -> ProbeCost { ProbeCost(forward: 4 * examples * draws) }
  func condition(of image: ImageShape) -> Condition { .measurement }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    var outcome = try Uncertainty.outcome(batch, predictor), summary = Summary()
    guard let others = batch.otherData[data] else {
      throw RobustnessError(.data, at: "data '\(data.clipped())'", expected: "the examples of that set", got: "none")
    }
    let count = min(others.rowCount, max(batch.labels.count, 1))
    let identities = ForeignExample.identities(count), foreign = others.rows(0..<count)
    let near = (outcome.columns ?? [:]).merging(
      try predictor.logitScores(batch.inputs, identities: batch.identities)
    ) { $1 }
    let away = Uncertainty.columns(try predictor.draws(foreign, identities: identities)).merging(
      try predictor.logitScores(foreign, identities: identities)
    ) { $1 }
    for name in Uncertainty.names + ["max_logit", "energy"] {
      guard let inside = near[name], let outside = away[name] else { continue }
      let intervals = Self.intervals(inside, outside), values = Self.values(inside, outside)
      summary.add(
        "auroc_\(name)", values[0], intervals[0], n: inside.count + outside.count,
        "probability that an input of \(data) is less sure, by \(name)")
      summary.add(
        "aupr_\(name)", values[1], intervals[1], n: inside.count + outside.count,
        "average precision of finding inputs of \(data)")
      summary.add(
        "fpr95_\(name)", values[2], intervals[2], n: outside.count,
        "share of \(data) that passes where 95 % of the data do")
    }
    for name in ["predictive_entropy", "mutual_information"] {
      guard let inside = outcome.columns?[name], let outside = away[name] else { continue }
      histogram(name, inside, outside, &summary)
      roc(name, inside, outside, &summary)
    }
    outcome.columns = nil
    outcome.forget()
    outcome.summary = summary
    return outcome
  }

  /// AUROC, AUPR, FPR95.
  private static func values(_ inside: [Double], _ outside: [Double]) -> [Double] {
    [
      Metrics.areaUnderROC(negatives: inside, positives: outside),
      Metrics.averagePrecision(negatives: inside, positives: outside),
      Metrics.falsePositiveRate(negatives: outside.map { -$0 }, positives: inside.map { -$0 }),
    ]
  }

  /// Intervals of the same, by the bootstrap over the examples of both sets.
  private static func intervals(_ inside: [Double], _ outside: [Double]) -> [Interval?] {
    let (inside, outside) = (inside.sorted(), outside.sorted())
    return Bootstrap([inside.count, outside.count]).intervals { drawn in
      values(drawn[0].map { inside[$0] }, drawn[1].map { outside[$0] })
    }
  }

  private func histogram(_ name: String, _ inside: [Double], _ outside: [Double], _ summary: inout Summary) {
    let most = max((inside + outside).max() ?? 0, 1e-9), bins = 24
    for (title, values) in [("the data", inside), (data, outside)] {
      let points = (0..<bins).map { bin -> Summary.Point in
        let low = most * Double(bin) / Double(bins), high = most * Double(bin + 1) / Double(bins)
        let count = values.count { $0 >= low && ($0 < high || bin == bins - 1) }
        return .init((low + high) / 2, Double(count) / Double(max(values.count, 1)))
      }
      summary.add(
        .init(chart: "Scores by \(name)", name: title, x: name, y: "share of inputs", points: points, form: .bars))
    }
  }

  private func roc(_ name: String, _ inside: [Double], _ outside: [Double], _ summary: inout Summary) {
    let cuts = (inside + outside).sorted(by: >), n = cuts.count
    let points = Set((0...40).map { $0 * (n - 1) / 40 }).sorted().map { place -> Summary.Point in
      let cut = cuts[place]
      return .init(
        Double(inside.count { $0 >= cut }) / Double(max(inside.count, 1)),
        Double(outside.count { $0 >= cut }) / Double(max(outside.count, 1)))
    }
    summary.add(
      .init(
        chart: "ROC against \(data)", name: name, x: "share of the data taken for foreign", y: "share of \(data) found",
        points: [.init(0, 0)] + points + [.init(1, 1)]))
  }
}
