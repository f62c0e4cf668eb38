import DitherBasics
import DitherInference
import DitherTensor

/// Scores that probes of uncertainty keep of each example.
enum Uncertainty {
  /// Scores by which answers are trusted: larger is less sure. `msp` is 1 − the largest probability.
  static let names = ["msp"] + measures.map { $0.name }

  private static let measures = Catalog<any Measure.Type>.measures.entries.filter { $0.risesWithUncertainty != nil }

  /// Scores that the draws cannot tell are left out.
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
    try outcome.keep(KeptAnswers(probabilities: draws.map(\.mean)))
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

extension RiskCoverage {
  /// 40 points of the curve, with Wilson's intervals.
  var points: [Summary.Point] {
    guard count > 0 else { return [] }
    return Set((1...40).map { max($0 * count / 40, 1) }).sorted().map { answered in
      let wrong = errors(among: answered)
      return .init(
        Double(answered) / Double(count), wrong / Double(answered),
        Proportion(Int(wrong.rounded()), of: answered).interval)
    }
  }
}
