import DitherInference
import Foundation

/// How far a regression's answers are from the true values, and whether what it says of its own uncertainty holds.
/// Source: Gneiting and Raftery 2007, JASA 102, for the scores; Kuleshov et al. 2018, arXiv 1807.00263, for the curve
/// of coverages.
struct ErrorsProbe: Probe {
  static let name = "errors"
  static let summary =
    "of a regression: RMSE, MAE, NLL, CRPS, and how often and how wide its intervals of 95 % hold the values"

  var takesValues: Bool { true }
  var takesClasses: Bool { false }
  func condition(of image: ImageShape) -> Condition { .measurement }
  var gateMeasures: [String]? { Gate.shares }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    try Outcome.clean(batch, predictor)
  }

  func sections(of outcomes: [Outcome], labels: ClassLabels) -> ProbeSections {
    guard var summary = ValueSummary.unchanged(outcomes) else { return ProbeSections() }
    let scores = outcomes.kept(KeptValues.self).flatMap(\.after).compactMap { $0 }
    for series in Self.coverages(scores) + Self.errors(scores) { summary.add(series) }
    return ProbeSections(summary: summary)
  }

  /// The share of values within the central intervals of each coverage: on the diagonal where the answers say rightly
  /// how unsure they are.
  private static func coverages(_ scores: [ValueScores]) -> [Summary.Series] {
    let levels = scores.compactMap(\.levels).flatMap { $0 }
    guard levels.count >= scores.count, !levels.isEmpty else { return [] }
    let nominal = (1...19).map { Double($0) / 20 } + [0.99]
    func series(_ name: String, _ points: [Summary.Point]) -> Summary.Series {
      .init(
        chart: "Coverage of its own intervals", name: name, x: "coverage that they claim", y: "share of values inside",
        points: points)
    }
    return [
      series(
        "measured",
        nominal.map { level in Summary.Point(level, Proportion(levels.count { $0 <= level }, of: levels.count)) }),
      series("as claimed", [.init(0, 0), .init(1, 1)]),
    ]
  }

  private static let mostGroups = 10
  private static let leastInGroup = 10

  /// The error of answers in groups from the surest to the least sure: rising, where the model knows what it does not
  /// know.
  private static func errors(_ scores: [ValueScores]) -> [Summary.Series] {
    let sorted = scores.compactMap { score in score.width.map { (width: $0, square: score.squaredError) } }
      .sorted { $0.width < $1.width }
    let groups = min(mostGroups, sorted.count / leastInGroup)
    // Intervals of one width tell no answer from another.
    guard groups > 1, let first = sorted.first, let last = sorted.last, last.width > first.width else { return [] }
    let points = (0..<groups).map { group in
      let part = sorted[group * sorted.count / groups..<(group + 1) * sorted.count / groups], n = Double(part.count)
      return Summary.Point(
        part.reduce(0) { $0 + $1.width } / n, (part.reduce(0) { $0 + $1.square } / n).squareRoot())
    }
    return [
      .init(
        chart: "Error by its own uncertainty", name: "measured", x: "mean width of the interval of 95 %",
        y: "rmse", points: points)
    ]
  }
}
