import DitherBasics
import DitherInference
import DitherTensor

/// An attacker's question about a batch.
public struct Question: Sendable {
  /// [B, …] in [0, 1].
  public var x: Tensor
  /// [B]: the examples that the rows are about. For a targeted criterion the loss is turned round, so that it still
  /// rises towards the goal.
  public var examples: Examples
  /// The loss of each row.
  public var loss: Loss
  /// [B]: the second class of the loss, where it needs one; else empty.
  public var aims: [Int]
  /// Whether its gradient is asked for too.
  public var wantsGradient: Bool
  /// Whether of a random model the answer is made as sure as was asked of the oracle. A black-box search asks thousands
  /// of questions that steer it and only its last for certain.
  public var isSure: Bool

  public init(
    _ x: Tensor, of examples: Examples, loss: Loss = .crossEntropy, aims: [Int] = [], wantsGradient: Bool = false,
    isSure: Bool? = nil
  ) {
    precondition(x.rowCount == examples.count, "an example for each row")
    self.x = x
    self.examples = examples
    self.loss = loss
    self.aims = aims
    self.wantsGradient = wantsGradient
    self.isSure = isSure ?? wantsGradient
  }

  /// The same about some of the rows.
  func rows(at indices: [Int]) -> Question {
    Question(
      x.rows(at: indices), of: examples.rows(at: indices), loss: loss,
      aims: aims.isEmpty ? [] : indices.map { aims[$0] },
      wantsGradient: wantsGradient, isSure: isSure)
  }
}

/// The answer to one question about a batch.
public struct Answer: Sendable {
  /// [B]: the expected loss; it rises towards what the attacker wants.
  public var losses: [Float]
  /// The derivatives of each row's loss, of the inputs' shape; nil where they were not asked for.
  public var gradient: Tensor?
  /// [B, classes]: logits; of a random model the logarithms of the mean probabilities. [B, D] of a regression: its
  /// values, means over the draws.
  public var scores: Tensor
  /// [B]: standard errors of the margins of a random model; empty where nothing is random.
  public var marginErrors: [Float]

  /// - Parameter marginErrors: [B]; empty: the margins are exact.
  public init(losses: [Float], gradient: Tensor?, scores: Tensor, marginErrors: [Float] = []) {
    self.losses = losses
    self.gradient = gradient
    self.scores = scores
    self.marginErrors = marginErrors
  }

  /// [B]: how far each row is past its decision boundary, in scores; above 0 where its criterion is met. Unlike the
  /// losses they can be compared whatever loss was asked for, and of a random model they are what decides, as the mean
  /// probabilities do. Of a regression: by how many tolerances its largest error is past the tolerance.
  public func margins(_ criteria: [Criterion]) -> [Float] {
    criteria.enumerated().map { index, criterion in
      let row = scores.row(index)
      // Past the tolerance.
      if let values = criterion.values { return Float(values.error(of: row) - 1) }
      let own = row.startIndex + criterion.label,
        isUntargeted = criterion == .untargeted(label: criterion.label)
      // No answer is no right one: the deployed predictor is judged so as well.
      guard Label.of(row) != Label.none else { return isUntargeted ? .infinity : -.infinity }
      guard row.indices.contains(own) else { return -.infinity }
      let other = row.indices.reduce(-Float.infinity) { $1 == own ? $0 : max($0, row[$1]) }
      let margin = isUntargeted ? other - row[own] : row[own] - other
      return margin.isNaN ? -.infinity : margin
    }
  }

  /// Which criteria the answer meets. Scores of which no probabilities can be made are a wrong answer, and no class's.
  public func meets(_ criteria: [Criterion]) -> [Bool] {
    zip(scores.labels(), criteria).map { $1.isMet(by: $0) }
  }

  /// Which criteria are met for good: of a random model, by more than its noise explains.
  /// - Parameter standardErrors: how many; four where an attack looks many times and then looks away.
  func meetsForGood(_ criteria: [Criterion], standardErrors: Float = 4) -> [Bool] {
    guard !marginErrors.isEmpty else { return meets(criteria) }
    return zip(zip(margins(criteria), marginErrors), criteria).map { found, criterion in
      let (margin, error) = found
      return margin == .infinity || criterion.values == nil && margin > max(standardErrors * error, 0.05)
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

  /// - Throws: when the budget is spent or the time is over.
  mutating func ask(_ question: Question) throws -> Answer

  /// The indices of the examples that are not broken yet: attacks drop the others.
  func open(_ examples: Examples) -> [Int]

  /// From now on questions that steer a search (neither sure nor for a gradient) see other draws of a random model.
  /// Between two calls they see the same ones, so that their answers can be compared: common random numbers.
  mutating func redraw()
}

extension Oracle {
  public func open(_ examples: Examples) -> [Int] { Array(0..<examples.count) }
  public mutating func redraw() {}

  /// The gradient of each row's loss at `x`, [B, …].
  public mutating func lossGradient(
    at x: Tensor, of examples: Examples, loss: Loss = .crossEntropy, aims: [Int] = []
  ) throws -> Tensor {
    try ask(Question(x, of: examples, loss: loss, aims: aims, wantsGradient: true)).gradient ?? Tensor(zeros: x.shape)
  }

  /// Without derivatives: all that a black-box attack may ask.
  public mutating func answer(
    at x: Tensor, of examples: Examples, loss: Loss = .crossEntropy, isSure: Bool = false
  ) throws -> Answer {
    try ask(Question(x, of: examples, loss: loss, isSure: isSure))
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
  public func open(_ examples: Examples) -> [Int] { base.open(examples) }
  public mutating func redraw() { base.redraw() }

  /// - Throws: `.budgetSpent`. A question is taken to cost its rows at least; one that turns out dearer is the last.
  public mutating func ask(_ question: Question) throws -> Answer {
    guard base.questions + question.x.rowCount <= budget else {
      throw RobustnessError(
        .budgetSpent, at: "attack", expected: "at most \(budget) questions",
        got: "\(base.questions + question.x.rowCount)")
    }
    return try base.ask(question)
  }
}
