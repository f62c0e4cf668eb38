import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import Foundation

/// A model under attack, with all of its secrets: the white box.
///
/// Of a random model every question sees fresh draws of its noise, never those by which the attack is judged.
public struct ModelOracle: Oracle {
  struct Counts {
    var questions = 0
    var vanishedGradients = 0
    var uncertainLosses = 0
    var lossesAsked = 0
  }
  private var counts = Counts()
  public var questions: Int { counts.questions }
  /// Gradients that were zero in every coordinate, and were asked for again with the margin as loss.
  public var vanishedGradients: Int { counts.vanishedGradients }
  /// Losses asked of a random model whose standard error stayed above the bound.
  public var uncertainLosses: Int { counts.uncertainLosses }
  /// Losses that were asked of a random model.
  public var lossesAsked: Int { counts.lossesAsked }
  private let model: Model
  /// The deployed predictor's temperature: by it draws are weighed against each other.
  private let temperature: Double
  private let seed: UInt64
  private let isCancelled: @Sendable () -> Bool
  private let deadline: ContinuousClock.Instant?
  private let memory: CleanAnswers?
  private let space: AttackSpace?
  private var draws: Int?
  private var mostDraws = 0
  private var standardErrorBound = 0.0
  private var isAntithetic = false
  private var asked: UInt64 = 0
  private var steering: UInt64 = 0
  /// For a deterministic stand-in for a random model: the standard error of the random one's margins.
  private var requiredMarginError: Float = 0
  private var randomsGiven: UInt32 = 0

  /// - Parameters:
  ///   - seed: of the attacker's randomness and of the draws that it sees.
  ///   - isCancelled: asked before every question.
  ///   - deadline: from then on the budget counts as spent, so that an attack ends with what it has found.
  public init(
    _ model: Model, temperature: Double = 1, seed: UInt64, isCancelled: @escaping @Sendable () -> Bool = { false },
    deadline: ContinuousClock.Instant? = nil
  ) {
    self.init(model, temperature: temperature, seed: seed, isCancelled: isCancelled, deadline: deadline, memory: nil)
  }

  /// - Parameters:
  ///   - memory: of this model's answers at this temperature.
  ///   - space: in which questions are asked, of tables.
  init(
    _ model: Model, temperature: Double, seed: UInt64, isCancelled: @escaping @Sendable () -> Bool,
    deadline: ContinuousClock.Instant?, memory: CleanAnswers?, space: AttackSpace? = nil
  ) {
    self.space = space
    self.model = model
    self.temperature = temperature
    self.seed = seed
    self.isCancelled = isCancelled
    self.deadline = deadline
    self.memory = memory
  }

  /// The same oracle, whose losses and gradients are means over fresh draws of the model's noise: expectation over
  /// transformation (Athalye et al. 2018, arXiv 1707.07397). A model without noise stays as it is.
  /// - Parameters:
  ///   - draws: of every answer, at least; even numbers from four of a symmetric noise come in pairs of a draw and its
  ///     negative, whose means differ less than those of as many independent ones.
  ///   - standardError: of the loss, or of its share where it is larger than 1: rows above it get more draws.
  ///   - mostDraws: of one answer; by default `draws`.
  ///   - independent: no pairs.
  public func expectation(
    over draws: Int, standardError: Double = .infinity, mostDraws: Int? = nil, independent: Bool = false
  ) -> ModelOracle {
    precondition(draws > 0, "at least one draw")
    var oracle = self
    oracle.draws = model.noise == nil ? nil : draws
    // The error of one pair is not known.
    oracle.isAntithetic = !independent && draws >= 4 && draws % 2 == 0 && model.noise?.isSymmetric == true
    let most = max(mostDraws ?? draws, draws)
    oracle.mostDraws = oracle.isAntithetic ? most + most % 2 : most
    oracle.standardErrorBound = standardError
    return oracle
  }

  public var isRandom: Bool { draws != nil }

  /// The same oracle, of the mean weights of a random model: a criterion is met for good only where the margin is past
  /// by as many of these standard errors as a random model's must be, so that the model with its noise is wrong there
  /// too.
  func requiring(marginError: Float) -> ModelOracle {
    var oracle = self
    oracle.requiredMarginError = marginError.isFinite ? marginError : 0
    return oracle
  }

  public mutating func redraw() { steering += 1 }

  public var random: NoiseAddress {
    mutating get {
      randomsGiven += 1
      return NoiseAddress(seed: mixSeed(seed, 1), site: 0, sample: randomsGiven)
    }
  }

  private func proceed() throws(RobustnessError) {
    guard !isCancelled() else {
      throw RobustnessError(.cancelled, at: "attack", expected: "time to go on", got: "a cancellation or a deadline")
    }
    guard !TimeLeft(until: deadline).isOver else {
      throw RobustnessError(.budgetSpent, at: "attack", expected: "time for one more question", got: "none")
    }
  }

  public mutating func ask(_ question: Question) throws -> Answer {
    try proceed()
    asked += 1
    guard asked == 1, steering == 0, let memory, question.aims.isEmpty,
      question.x.elements == question.examples.inputs.elements
    else {
      return try compute(question)
    }
    let key = CleanAnswers.FirstQuestion(
      seed: seed, draws: draws, mostDraws: mostDraws, standardErrorBound: standardErrorBound,
      isAntithetic: isAntithetic, requiredMarginError: requiredMarginError, identities: question.examples.identities,
      criteria: question.examples.criteria, loss: question.loss, wantsGradient: question.wantsGradient,
      isSure: question.isSure)
    let found = try memory.firstAnswer(to: key) {
      CleanAnswers.FirstAnswer(answer: try compute(question), counts: counts)
    }
    counts = found.counts
    return found.answer
  }

  /// On logits: behind a softmax differences round to nothing, and scores would have another unit than the gradients of
  /// losses.
  private mutating func compute(_ question: Question) throws -> Answer {
    let model = try model.exposingLogits()
    var normalized = question
    normalized.x = model.signature.normalized(
      space?.inputs(question.x, identities: question.examples.identities) ?? question.x)
    var answer = try ask(model, normalized)
    if question.loss == .crossEntropy, normalized.examples.criteria.first?.values == nil {
      try retryVanished(&answer, model, normalized)
    }
    if let gradient = answer.gradient.map(model.signature.gradientForPixels) {
      answer.gradient = space?.gradient(gradient) ?? gradient
    }
    return answer
  }

  /// Where the probability of a class rounds to 0 or 1 the cross-entropy has no slope left; the margin between logits
  /// has.
  private mutating func retryVanished(_ answer: inout Answer, _ model: Model, _ question: Question) throws {
    guard let gradient = answer.gradient else { return }
    let rows = (0..<gradient.rowCount).filter { gradient.row($0).allSatisfy { $0 == 0 } }
    guard !rows.isEmpty else { return }
    counts.vanishedGradients += rows.count
    var again = question.rows(at: rows)
    again.loss = .margin
    guard let found = try ask(model, again).gradient else { return }
    for (at, row) in rows.enumerated() { answer.gradient?.replaceRow(row, with: found.row(at)) }
  }

  /// For a random model: rows whose loss is not known well enough get as many draws again, until it is or until there
  /// are `mostDraws`.
  private mutating func ask(_ model: Model, _ question: Question) throws -> Answer {
    let rows = question.x.rowCount
    guard let draws else {
      counts.questions += rows
      var answer = try Evaluation(model, question, samples: nil, seed: 0, temperature, pairs: false).answer(model)
      if requiredMarginError > 0 { answer.marginErrors = [Float](repeating: requiredMarginError, count: rows) }
      return turned(answer, question)
    }
    // One seed for all rows: an attacker gains nothing by independent draws for each, and weights that are drawn
    // explicitly are then drawn once for the batch.
    let isSteering = !question.isSure && !question.wantsGradient
    let seed = isSteering ? mixSeed(seed, 3, steering) : mixSeed(seed, 2, asked)
    var all = try Evaluation(
      model, question, samples: 0..<draws, seed: seed, temperature, pairs: isAntithetic)
    counts.questions += rows * draws
    var open = Array(0..<rows), total = draws
    while question.isSure, total < mostDraws {
      open = open.filter { !all.isSettled($0, standardErrorBound) }
      guard !open.isEmpty else { break }
      try proceed()
      let more = min(total, mostDraws - total)
      let part = try Evaluation(
        model, question.rows(at: open), samples: total..<total + more, seed: seed, temperature, pairs: isAntithetic)
      counts.questions += open.count * more
      for (at, row) in open.enumerated() { all.add(part, at, to: row) }
      total += more
    }
    guard question.isSure else { return turned(all.answer(model), question) }
    counts.lossesAsked += rows
    counts.uncertainLosses += (0..<rows).count { !all.isSettled($0, standardErrorBound) }
    return turned(all.answer(model), question)
  }

  private func turned(_ answer: Answer, _ question: Question) -> Answer {
    var answer = answer
    for (row, criterion) in question.examples.criteria.enumerated() {
      guard case .targeted = criterion else { continue }
      answer.losses[row] = -answer.losses[row]
      if let turned = answer.gradient?.row(row).map({ -$0 }) { answer.gradient?.replaceRow(row, with: turned[...]) }
    }
    return answer
  }
}

/// Sums over the draws of a batch so far, for a model that puts out logits, or a regression's values.
private struct Evaluation {
  /// [B]: sums over the draws.
  private var losses: [Double]
  /// [B][draws]; of the deterministic pass empty.
  private var lossByDraw: [[Double]]
  private var draws: [Int]
  private let isPaired: Bool
  private var gradient: Tensor?
  /// [B][draws][classes]: probabilities, or values; of the deterministic pass empty.
  private var outputs: [[[Double]]]
  private var criteria: [Criterion]
  private let isRandom: Bool
  private let scores: Tensor?

  init(
    _ model: Model, _ question: Question, samples: Range<Int>?, seed: UInt64, _ temperature: Double, pairs: Bool
  ) throws {
    isPaired = pairs
    let signature = model.signature, targets = question.examples.criteria.map(\.label), rows = question.x.rowCount
    let seeds = [UInt64](repeating: seed, count: rows), count = samples?.count ?? 1
    let path: NoisePath = model.drawsAtOutputs ? .fresh : .exact
    let noise = samples.map { NoiseDraws($0, seeds: seeds, path: path, antithetic: pairs) }
    let goals = ValueGoals(question.examples.criteria)
    func ownLosses(_ outputs: Tensor) -> [Float] {
      goals?.losses(outputs)
        ?? question.loss.values(outputs, targets: targets, aims: question.aims, probabilities: false)
    }
    let width = signature.outputWidth
    var results: Tensor
    if question.wantsGradient {
      let found =
        try goals.map {
          try model.lossGradient(
            question.x, values: $0.values, scales: $0.scales, sides: $0.sides, draws: noise)
        }
        ?? model.lossGradient(
          question.x, loss: question.loss, targets: targets, aims: question.aims, draws: noise)
      (gradient, results) = (found.gradient, found.outputs)
      losses = found.losses.map { Double($0) * Double(count) }
    } else {
      try signature.check(goals.map { .values($0.values) } ?? .classes(targets, count: signature.classes), rows: rows)
      results = try noise.map { try model.sampledOutputs(question.x, $0) } ?? model.outputs(question.x)
      losses = ownLosses(results).map { Double($0) * Double(count) }
    }
    criteria = question.examples.criteria
    isRandom = samples != nil
    draws = [Int](repeating: count, count: rows)
    lossByDraw = [[Double]](repeating: [], count: rows)
    outputs = []
    let oneDraw = isRandom ? nil : results.reshaped([rows, width])
    scores = oneDraw.map { goals?.means($0) ?? $0 }
    guard isRandom else { return }
    outputs = [[[Double]]](repeating: [], count: rows)
    for draw in 0..<count {
      let one = results.reshaped([count * rows, width]).rows(draw * rows..<(draw + 1) * rows)
      let values = ownLosses(one)
      let answers =
        goals.map { $0.means(one) }.map { means in (0..<rows).map { means.row($0).map(Double.init) } }
        ?? signature.meanProbabilities(one, rows: rows, temperature: temperature)
      for (row, p) in answers.enumerated() {
        lossByDraw[row].append(Double(values[row]))
        outputs[row].append(p)
      }
    }
    // Sums, so that more draws can be added.
    gradient?.scaleRows { _ in Double(count) }
  }

  mutating func add(_ other: Evaluation, _ from: Int, to row: Int) {
    losses[row] += other.losses[from]
    lossByDraw[row] += other.lossByDraw[from]
    draws[row] += other.draws[from]
    outputs[row] += other.outputs[from]
    guard let more = other.gradient?.row(from), let sum = gradient?.row(row) else { return }
    let total = zip(sum, more).map { $0 + $1 }
    gradient?.replaceRow(row, with: total[...])
  }

  /// Whether the mean loss is known to `bound`, or to that share of itself where it is larger than 1. What is not a
  /// number will not become one.
  func isSettled(_ row: Int, _ bound: Double) -> Bool {
    let mean = losses[row] / Double(draws[row])
    guard mean.isFinite else { return draws[row] > 1 }
    return (StandardError.ofMean(lossByDraw[row], antithetic: isPaired) ?? .infinity) <= bound * max(1, abs(mean))
  }

  func answer(_ model: Model) -> Answer {
    let means = zip(losses, draws).map { Float($0 / Double($1)) }
    if let scores { return Answer(losses: means, gradient: gradient, scores: scores) }
    var gradient = gradient, row = 0
    gradient?.scaleRows { _ in
      defer { row += 1 }
      return 1 / Double(draws[row])
    }
    let classes = model.signature.width
    var scores = [Float](), errors = [Float]()
    for (row, draws) in outputs.enumerated() {
      let n = Double(draws.count)
      if let values = criteria[row].values {
        let mean = (0..<classes).map { c in draws.reduce(0) { $0 + $1[c] } / n }
        scores += mean.map { Float($0) }
        errors.append(marginError(draws, mean, values))
        continue
      }
      let mean = (0..<classes).map { c in max(draws.reduce(0) { $0 + $1[c] } / n, .leastNormalMagnitude) }
      scores += mean.map { Float(max(log($0), -1e4)) }
      errors.append(marginError(draws, mean, criteria[row].label))
    }
    return Answer(
      losses: means, gradient: gradient, scores: Tensor([means.count, classes], scores), marginErrors: errors)
  }

  /// The standard error of the mean of the value that is farthest from the true one, in units of its tolerance.
  /// Infinite where it is not known.
  private func marginError(_ draws: [[Double]], _ mean: [Double], _ values: TrueValues) -> Float {
    func error(_ i: Int) -> Double { abs(mean[i] - Double(values.values[i])) / values.tolerance[i] }
    guard let worst = mean.indices.max(by: { error($0) < error($1) }) else { return .infinity }
    let found = StandardError.ofMean(draws.map { $0[worst] / values.tolerance[worst] }, antithetic: isPaired)
    return Float(found ?? .infinity)
  }

  /// The standard error of ln p̄_a − ln p̄_b for the row's class and the strongest other, by the delta method: of these
  /// draws, and at least that of as many independent ones, by which the deployed predictor will judge. Infinite where
  /// it is not known.
  private func marginError(_ draws: [[Double]], _ mean: [Double], _ label: Int) -> Float {
    let other = mean.indices.filter { $0 != label }.max { mean[$0] < mean[$1] } ?? label
    let values = draws.map { $0[other] / mean[other] - $0[label] / mean[label] }
    let own = StandardError.ofMean(values, antithetic: isPaired) ?? .infinity
    return Float(max(own, StandardError.ofMean(values) ?? .infinity))
  }
}
