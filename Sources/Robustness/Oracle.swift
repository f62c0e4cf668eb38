import DitherBasics
import DitherInference
import DitherTensor

/// What an attacker learns from one question about a batch.
public struct Answer: Sendable {
  /// [B]: the expected loss; it rises towards what the attacker wants.
  public var losses: [Float]
  /// The derivatives of each row's loss, of the inputs' shape; nil where they were not asked for.
  public var gradient: Tensor?
  /// [B, classes]: logits; of a random model the logarithms of the mean probabilities.
  public var scores: Tensor

  public init(losses: [Float], gradient: Tensor?, scores: Tensor) {
    self.losses = losses
    self.gradient = gradient
    self.scores = scores
  }

  /// [B]: how far each row is past its decision boundary, in scores; above 0 where its criterion is met. Unlike the losses
  /// they can be compared whatever loss was asked for, and of a random model they are what decides, as the mean
  /// probabilities do.
  public func margins(_ criteria: [Criterion]) -> [Float] {
    criteria.enumerated().map { index, criterion in
      let row = scores.row(index), own = row.startIndex + criterion.label
      guard row.indices.contains(own), row.allSatisfy({ !$0.isNaN }) else { return -.infinity }
      let other = row.indices.reduce(-Float.infinity) { $1 == own ? $0 : max($0, row[$1]) }
      let margin = criterion == .untargeted(label: criterion.label) ? other - row[own] : row[own] - other
      return margin.isNaN ? -.infinity : margin
    }
  }

  /// Which criteria the answer meets. Scores that are not numbers meet none.
  public func meets(_ criteria: [Criterion]) -> [Bool] {
    zip(zip(scores.argMax(), criteria), 0..<criteria.count).map { pair, row in
      scores.row(row).allSatisfy { !$0.isNaN } && pair.1.isMet(by: pair.0)
    }
  }
}

/// All that an attacker may ask, randomness included. It counts every question.
public protocol Oracle {
  /// Rows evaluated so far, once for each draw of a random model.
  var questions: Int { get }
  /// Whether the same question may get another answer.
  var isRandom: Bool { get }
  /// An address that was not given before.
  var random: NoiseAddress { mutating get }

  /// - Parameters:
  ///   - x: [B, …] in [0, 1].
  ///   - criteria: [B]. For a targeted one the loss is turned round, so that it still rises towards the goal.
  /// - Throws: when the budget is spent or the time is over.
  mutating func ask(_ x: Tensor, _ criteria: [Criterion], loss: Loss, wantsGradient: Bool) throws -> Answer
}

extension Oracle {
  public mutating func lossGradient(
    at x: Tensor, _ criteria: [Criterion], loss: Loss = .crossEntropy
  ) throws -> Tensor {
    try ask(x, criteria, loss: loss, wantsGradient: true).gradient ?? Tensor(zeros: x.shape)
  }

  /// Without derivatives: all that a black-box attack may ask.
  public mutating func answer(at x: Tensor, _ criteria: [Criterion], loss: Loss = .crossEntropy) throws -> Answer {
    try ask(x, criteria, loss: loss, wantsGradient: false)
  }

  /// The same oracle, which refuses the question that would pass the budget.
  public func limited(toQuestions budget: Int) -> LimitedOracle<Self> { LimitedOracle(self, budget: budget) }
}

/// An oracle with a budget of questions.
public struct LimitedOracle<Base: Oracle>: Oracle {
  private var base: Base
  private let budget: Int

  init(_ base: Base, budget: Int) {
    self.base = base
    self.budget = budget
  }

  public var questions: Int { base.questions }
  public var isRandom: Bool { base.isRandom }
  public var random: NoiseAddress { mutating get { base.random } }

  /// - Throws: `.budgetSpent`. A question is taken to cost its rows at least; one that turns out dearer is the last.
  public mutating func ask(
    _ x: Tensor, _ criteria: [Criterion], loss: Loss, wantsGradient: Bool
  ) throws -> Answer {
    guard base.questions + x.rowCount <= budget else {
      throw RobustnessError(
        .budgetSpent, at: "attack", expected: "at most \(budget) questions", got: "\(base.questions + x.rowCount)")
    }
    return try base.ask(x, criteria, loss: loss, wantsGradient: wantsGradient)
  }
}
