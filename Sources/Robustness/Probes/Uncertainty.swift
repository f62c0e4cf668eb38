import DitherBasics
import DitherInference
import DitherTensor

/// What probes of uncertainty keep of each example.
enum Uncertainty {
  /// Scores by which answers are trusted: larger is less sure. `msp` is 1 − the largest probability.
  static let names = ["msp"] + measures.map { $0.name }

  private static let measures = Catalog<any Measure.Type>.measures.entries.filter { $0.risesWithUncertainty != nil }

  /// What the draws cannot tell is left out.
  static func scores(_ draws: Draws) -> [String: Double] {
    var scores = ["msp": 1 - (draws.mean.max() ?? 0)]
    for measure in measures {
      guard let value = measure.value(draws) else { continue }
      scores[measure.name] = measure.risesWithUncertainty == false ? -value : value
    }
    return scores
  }

  /// An outcome with the scores of every example as columns.
  static func outcome(_ batch: ProbeBatch, _ predictor: DeployedPredictor) throws -> Outcome {
    let draws = try predictor.draws(batch.inputs, identities: batch.identities)
    let right = zip(draws, batch.labels).map { $0.label == $1 }
    var outcome = Outcome(clean: right, robust: right)
    outcome.columns = columns(draws)
    outcome.probabilities = draws.map(\.mean)
    return outcome
  }

  /// By name; those that some draws cannot tell, as disagreement in one answer, are left out.
  static func columns(_ draws: [Draws]) -> [String: [Double]] {
    let scores = draws.map(scores)
    let columns = names.map { name in (name, scores.compactMap { $0[name] }) }
    return Dictionary(uniqueKeysWithValues: columns.filter { $0.1.count == draws.count })
  }

  /// Over all shards; empty where it was not measured.
  static func column(_ name: String, _ outcomes: [Outcome]) -> [Double] {
    outcomes.flatMap { $0.columns?[name] ?? [] }
  }
}

/// Answering only where a model is sure: the risk at every coverage. Geifman and El-Yaniv 2017, arXiv 1705.08500; Geifman et al.
/// 2019, arXiv 1805.08206.
package struct RiskCoverage {
  /// Whether each example is right, the surest first; ties in their order.
  private let right: [Bool]

  package init(_ right: [Bool], uncertainty: [Double]) {
    self.right = right.indices.sorted { (uncertainty[$0], $0) < (uncertainty[$1], $1) }.map { right[$0] }
  }

  /// - Parameter right: the surest first.
  init(sorted right: [Bool]) { self.right = right }

  private var risks: [Double] {
    var wrong = 0
    return right.enumerated().map { at, isRight in
      wrong += isRight ? 0 : 1
      return Double(wrong) / Double(at + 1)
    }
  }

  /// The mean over all coverages of the risk.
  package var area: Double { risks.reduce(0, +) / Double(max(right.count, 1)) }

  /// `area` less that of an order which knows every error.
  package var excess: Double {
    let perfect = right.sorted { $0 && !$1 }
    return area - RiskCoverage(perfect, uncertainty: [Double](repeating: 0, count: perfect.count)).area
  }

  /// The largest share of answers whose risk is at most this.
  package func coverage(atRisk bound: Double) -> Double {
    let risks = risks
    guard let last = risks.lastIndex(where: { $0 <= bound }) else { return 0 }
    return Double(last + 1) / Double(risks.count)
  }

  /// 40 points of the curve.
  var points: [Summary.Point] {
    let n = right.count
    guard n > 0 else { return [] }
    return Set((1...40).map { max($0 * n / 40, 1) }).sorted().map { count in
      let wrong = right[..<count].count { !$0 }
      return .init(Double(count) / Double(n), Proportion(wrong, of: count))
    }
  }
}
