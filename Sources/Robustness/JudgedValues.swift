import DitherInference
import DitherTensor

/// Answers of a regression, beside what is right.
struct JudgedValues {
  /// [B]: nil where an answer is no number.
  var scores: [ValueScores?]
  /// [B]: within the tolerance, in every value.
  var right: [Bool]
  /// [B, D]: the means of the answers.
  var means: [[Double]]
  /// [B]: the largest error among the values, in units of its tolerance; infinite where an answer is no number.
  var worst: [Double]
  /// [B]: the largest standard error of a mean, in the same units; 0 where nothing is random.
  var chance: [Double]

  init(_ draws: [Draws], _ truths: [TrueValues]) {
    scores = zip(draws, truths).map { $0.haveAnswers ? ValueScores($0, $1.values) : nil }
    means = draws.map(\.mean)
    worst = zip(draws, truths).map { $0.haveAnswers ? $1.error(of: $0.mean) : .infinity }
    right = worst.map { $0 <= 1 }
    chance = zip(draws, truths).map { draws, truth in
      let errors = (draws.deviation ?? []).map { $0 / Double(max(draws.samples, 1)).squareRoot() }
      return zip(errors, truth.tolerance).map { $0 / $1 }.max() ?? 0
    }
  }

  /// Puts an answer in the place of the one that is there.
  mutating func replace(_ row: Int, with other: JudgedValues) {
    (scores[row], right[row], means[row]) = (other.scores[row], other.right[row], other.means[row])
    (worst[row], chance[row]) = (other.worst[row], other.chance[row])
  }

  /// Whether a row is farther off there, by more than rounding and, of a random model, its draws explain.
  func isBeaten(by other: JudgedValues, _ row: Int) -> Bool {
    guard worst[row].isFinite else { return false }
    return other.worst[row] > 1.05 * worst[row] + 4 * max(chance[row], other.chance[row])
  }
}

/// Material of probes of values: how good answers are, by example; nil where one is no number.
struct KeptValues: Codable {
  /// To the examples as they are.
  var before: [ValueScores?]
  /// Under the probe's condition.
  var after: [ValueScores?]
}

extension DeployedPredictor {
  /// A regression's answers, judged.
  func judged(_ x: Tensor, _ truths: [TrueValues], identities: [UInt64]) throws -> JudgedValues {
    JudgedValues(try values(x, identities: identities), truths)
  }
}
