import DitherBasics
import DitherTensor

/// An attack on the examples that the deployed predictor gets right. Success is judged by that predictor, on draws that the
/// attack did not see; what is wrong without an attack is wrong under it, and is not credited to it.
struct AttackProbe<A: Attack>: Probe {
  static var name: String { A.name }
  static var summary: String { A.summary }

  /// What every attack can be told; coded beside the attack's own parameters.
  struct Common: Codable, Sendable {
    var norm = A.norms.first ?? .linf
    /// In units of the input. An attack of minimum norm is judged by it too.
    var epsilon = 8.0 / 255
    var restarts = 1
    /// Draws of a random model's noise behind every answer, at least; the mean of as many decides what is followed.
    var draws = 16
    /// Of the expected loss, or of its share where it is larger than 1: where it is not reached, draws are added.
    var standardError = 0.1
    /// Draws of one answer, at most; 0: eight times `draws`.
    var mostDraws = 0
    /// Of a random model: the same attack through one draw a step beside it, to show what the expectation finds that it does not.
    var singleDraw = false

    private enum CodingKeys: String, CodingKey {
      case norm, epsilon, restarts, draws
      case singleDraw = "single_draw"
      case standardError = "standard_error"
      case mostDraws = "most_draws"
    }
  }

  var common = Common()
  var attack = A()
  init() {}

  init(from decoder: any Decoder) throws {
    common = try Common(from: decoder)
    attack = try A(from: decoder)
  }
  func encode(to encoder: any Encoder) throws {
    try common.encode(to: encoder)
    try attack.encode(to: encoder)
  }

  func validate() throws(RobustnessError) {
    try require(common.epsilon, in: 0...1e6, "epsilon")
    guard common.norm != .linf || common.epsilon <= 1 else {
      throw RobustnessError(
        .parameter, at: "epsilon", expected: "at most 1 in linf: inputs are from 0 to 1", got: "\(common.epsilon)",
        advice: "levels of a byte are written as 8/255")
    }
    try require(common.restarts, in: 1...10_000, "restarts")
    try require(common.draws, in: 1...4096, "draws")
    try require(common.standardError, in: 1e-4...1e6, "standard_error")
    try require(common.mostDraws, in: 0...65_536, "most_draws")
    guard A.norms.contains(common.norm) else {
      throw RobustnessError(
        .parameter, at: "norm", expected: "one of \(A.norms.map(\.rawValue).joined(separator: ", "))",
        got: "'\(common.norm.rawValue)'", advice: "this attack does not measure in that norm")
    }
    try attack.validate()
  }

  func condition(of image: ImageShape) -> Condition {
    .attack(
      norm: common.norm, epsilon: common.epsilon, effort: attack.effort * common.restarts, knowledge: A.knowledge)
  }

  func cost(examples: Int, draws: Int) -> ProbeCost {
    // A start and an end beside each try's steps.
    let asked = examples * (attack.effort + 2) * common.restarts, isRandom = draws > 1
    // Through the noise with more draws where they are needed, on the mean weights, and the judge's answers.
    let rows = isRandom ? asked * (2 * common.draws + (common.singleDraw ? 2 : 1)) : asked
    let judged = 4 * examples * draws
    return A.knowledge == .gradients
      ? ProbeCost(forward: judged, gradient: rows) : ProbeCost(forward: judged + rows)
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let before = try predictor.labels(batch.inputs, identities: batch.identities)
    let clean = zip(before, batch.labels).map(==)
    let standing = clean.indices.filter { clean[$0] }
    var outcome = Outcome(clean: clean, robust: clean)
    if predictor.isRandom {
      let again = try predictor.redrawn.labels(batch.inputs, identities: batch.identities)
      outcome.cleanAgain = zip(again, batch.labels).map(==)
    }
    guard !standing.isEmpty else { return outcome }
    let examples = Examples(
      batch.inputs.rows(at: standing), standing.map { .untargeted(label: batch.labels[$0]) },
      identities: standing.map { batch.identities[$0] })
    let ball = Ball(common.norm, epsilon: common.epsilon)
    var search = Search(self, batch, predictor)
    let found = try search.best(of: examples, in: ball)
    outcome.questions = search.questions
    outcome.trace = Outcome.Trace(found.trace, examples: examples.count)
    let after = try predictor.labels(found.points, identities: examples.identities)
    let fooled = standing.indices.map { after[$0] != batch.labels[standing[$0]] }
    let inside = ball.rowsInside(found.points, around: examples.inputs)
    for (at, row) in standing.enumerated() { outcome.robust[row] = !(fooled[at] && inside[at]) }
    if A.isMinimumNorm {
      // Of a random model the nearest points are judged for themselves: what serves in the ball is another point.
      let nearest = search.nearest ?? found
      let there = predictor.isRandom ? try predictor.labels(nearest.points, identities: examples.identities) : after
      outcome.distances = [Double?](repeating: nil, count: clean.count)
      for row in clean.indices where !clean[row] { outcome.distances?[row] = 0 }
      for (at, row) in standing.enumerated()
      where there[at] != batch.labels[row] && nearest.distances[at].isFinite {
        outcome.distances?[row] = nearest.distances[at]
      }
    }
    if let other = batch.transfer {
      let there = try other.labels(found.points, identities: examples.identities)
      var transferred = zip(try other.labels(batch.inputs, identities: batch.identities), batch.labels).map(==)
      for (at, row) in standing.enumerated() where inside[at] {
        transferred[row] = transferred[row] && there[at] == batch.labels[row]
      }
      outcome.transferred = transferred
    }
    if common.singleDraw, predictor.isRandom {
      try addSingleDraw(to: &outcome, examples, standing, ball, batch, predictor)
    }
    outcome.evidence.merge(
      try evidence(examples, ball, &search, survivors: standing.map { outcome.robust[$0] })
    ) { $1 }
    if batch.isFirst, batch.image.isPicture {
      outcome.illustrations = standing.indices.prefix(Illustration.perProbe).map { at in
        Illustration(
          examples.identities[at], batch.image, before: examples.inputs.row(at), after: found.points.row(at),
          label: before[standing[at]], labelAfter: after[at])
      }
    }
    return outcome
  }

  /// The attack as it is often made on random models: one draw a step. It counts for nothing but the comparison.
  private func addSingleDraw(
    to outcome: inout Outcome, _ examples: Examples, _ standing: [Int], _ ball: Ball, _ batch: ProbeBatch,
    _ predictor: DeployedPredictor
  ) throws {
    var naive = self, right = outcome.clean, wins = 0
    (naive.common.draws, naive.common.mostDraws) = (1, 1)
    var search = Search(naive, batch, predictor)
    let found = try search.throughNoise(of: examples, in: ball).points,
      inside = ball.rowsInside(found, around: examples.inputs)
    let after = try predictor.labels(found, identities: examples.identities)
    for (at, row) in standing.enumerated() where inside[at] && after[at] != batch.labels[row] {
      right[row] = false
      if outcome.robust[row] { wins += 1 }
    }
    outcome.singleDraw = right
    outcome.questions += search.questions
    outcome.evidence[.singleDrawWins] = .init(cases: wins, n: standing.count)
  }

  // MARK: the search

  /// The attack's tries on one batch: through the noise, and of a random model also on its mean weights; the attacker keeps of
  /// each example what looks better on draws of its own. Nothing here knows the draws that judge.
  struct Search {
    private let probe: AttackProbe
    let batch: ProbeBatch
    let predictor: DeployedPredictor
    private(set) var questions = 0
    /// How often the mean weights gave the better point.
    private(set) var meanWeightWins = 0
    private(set) var uncertainLosses = 0
    private(set) var lossesAsked = 0
    /// Of an attack of minimum norm on a random model: the nearest points past the boundary by more than the noise.
    private(set) var nearest: AttackResult?

    init(_ probe: AttackProbe, _ batch: ProbeBatch, _ predictor: DeployedPredictor) {
      self.probe = probe
      self.batch = batch
      self.predictor = predictor
    }

    func oracle(throughNoise: Bool = true) -> ModelOracle {
      let common = probe.common
      let oracle = ModelOracle(
        predictor.model, temperature: predictor.temperature, seed: mixSeed(batch.seed, batch.identities.first ?? 0),
        isCancelled: batch.isCancelled)
      return predictor.isRandom && throughNoise
        ? oracle.expectation(
          over: common.draws, standardError: common.standardError,
          mostDraws: common.mostDraws > 0 ? common.mostDraws : 8 * common.draws) : oracle
    }

    mutating func best(of examples: Examples, in ball: Ball) throws -> AttackResult {
      var oracle = self.oracle()
      var found = try tries(examples, ball, &oracle)
      if predictor.isRandom {
        // A search for the nearest stops at the boundary; what is past it is looked for below.
        let trembling = A.isMinimumNorm ? 0 : try trembling(examples, &oracle)
        var mean = self.oracle(throughNoise: false).expecting(trembling: trembling)
        let other = try tries(examples, ball, &mean)
        questions += mean.questions
        if A.isMinimumNorm {
          let near = try past(found, other, examples, ball.norm, &oracle)
          nearest = near
          (found.points, found.distances) = (near.points, near.distances)
          // Of the ball the attacker may use all, and must use no more.
          let edge = AttackResult(
            points: stretched(near.points, examples, ball), distances: near.distances, trace: found.trace)
          let inside = ball.rowsInside(near.points, around: examples.inputs)
          for row in inside.indices where !inside[row] { found.points.replaceRow(row, with: edge.points.row(row)) }
          try choose(&found, edge, examples, &oracle)
        } else {
          try choose(&found, other, examples, &oracle)
        }
      }
      questions += oracle.questions
      uncertainLosses = oracle.uncertainLosses
      lossesAsked = oracle.lossesAsked
      return found
    }

    /// Only through the noise.
    mutating func throughNoise(of examples: Examples, in ball: Ball) throws -> AttackResult {
      var oracle = self.oracle()
      defer { questions += oracle.questions }
      return try tries(examples, ball, &oracle)
    }

    private func tries(_ examples: Examples, _ ball: Ball, _ oracle: inout ModelOracle) throws -> AttackResult {
      func search(_ attack: some Attack) throws -> AttackResult {
        A.isMinimumNorm
          ? try attack.nearest(to: examples, in: ball.norm, asking: &oracle)
          : try attack.search(examples, in: ball, asking: &oracle)
      }
      return probe.common.restarts == 1
        ? try search(probe.attack) : try search(probe.attack.restarted(probe.common.restarts))
    }

    /// How far the mean of the deployed predictor's draws trembles on the clean inputs: the middle of the examples.
    private func trembling(_ examples: Examples, _ oracle: inout ModelOracle) throws -> Float {
      let errors = try oracle.answer(at: examples.inputs, of: examples).marginErrors.filter(\.isFinite).sorted()
      guard !errors.isEmpty else { return 0 }
      return errors[errors.count / 2] * (Float(probe.common.draws) / Float(max(predictor.samples, 1))).squareRoot()
    }

    /// In the same directions, to the edge of the ball.
    private func stretched(_ points: Tensor, _ examples: Examples, _ ball: Ball) -> Tensor {
      var delta = points - examples.inputs
      delta.scaleRows { values in
        let length = ball.norm.length(values)
        return length > 0 ? ball.epsilon / length : 1
      }
      return ball.project(examples.inputs.zip(delta) { $0 + $1 }, around: examples.inputs)
    }

    /// The nearest points, along the directions of two tries, at which the model is wrong by more than its noise explains: a boundary
    /// that trembles is crossed a little behind where one draw has it. Outward by quarters until both are past, then back by halves.
    private func past(
      _ first: AttackResult, _ second: AttackResult, _ examples: Examples, _ norm: Norm, _ oracle: inout ModelOracle
    ) throws -> AttackResult {
      let tries = try [first, second].map { try past($0, examples, norm, &oracle) }
      var best = tries[0]
      for row in 0..<examples.count where tries[1].distances[row] < best.distances[row] {
        best.points.replaceRow(row, with: tries[1].points.row(row))
        best.distances[row] = tries[1].distances[row]
      }
      return best
    }

    private static var outwardSteps: Int { 12 }
    private static var halvings: Int { 5 }

    private func past(
      _ found: AttackResult, _ examples: Examples, _ norm: Norm, _ oracle: inout ModelOracle
    ) throws -> AttackResult {
      let delta = found.points - examples.inputs, count = examples.count
      func points(_ rows: [Int], _ scales: [Double]) -> Tensor {
        var step = delta.rows(at: rows), at = 0
        step.scaleRows { _ in
          defer { at += 1 }
          return scales[rows[at]]
        }
        return examples.inputs.rows(at: rows).zip(step) { min(max($0 + $1, 0), 1) }
      }
      func arePast(_ rows: [Int], _ scales: [Double]) throws -> [Bool] {
        let part = examples.rows(at: rows)
        return try oracle.answer(at: points(rows, scales), of: part, isSure: true)
          .meetsForGood(part.criteria, standardErrors: 2)
      }
      var low = [Double](repeating: 0, count: count), high = [Double](repeating: .infinity, count: count)
      var scales = [Double](repeating: 1, count: count)
      var open = (0..<count).filter { delta.row($0).contains { $0 != 0 } }
      for _ in 0..<Self.outwardSteps where !open.isEmpty {
        for (met, row) in zip(try arePast(open, scales), open) {
          if met { high[row] = scales[row] } else { (low[row], scales[row]) = (scales[row], 1.25 * scales[row]) }
        }
        open = open.filter { high[$0] == .infinity }
      }
      let met = (0..<count).filter { high[$0].isFinite }
      for _ in 0..<Self.halvings where !met.isEmpty {
        for row in met { scales[row] = (low[row] + high[row]) / 2 }
        for (isPast, row) in zip(try arePast(met, scales), met) {
          if isPast { high[row] = scales[row] } else { low[row] = scales[row] }
        }
      }
      var result = AttackResult(
        points: found.points, distances: [Double](repeating: .infinity, count: count), trace: found.trace)
      guard !met.isEmpty else { return result }
      let ends = points(met, high)
      for (at, row) in met.enumerated() {
        result.points.replaceRow(row, with: ends.row(at))
        result.distances[row] = norm.distance(result.points, row, examples.inputs, row)
      }
      return result
    }

    /// On fresh draws, of which the tries saw none.
    private mutating func choose(
      _ found: inout AttackResult, _ other: AttackResult, _ examples: Examples, _ oracle: inout ModelOracle
    ) throws {
      let first = try oracle.answer(at: found.points, of: examples, isSure: true)
      let second = try oracle.answer(at: other.points, of: examples, isSure: true)
      let margins = zip(first.margins(examples.criteria), second.margins(examples.criteria))
      let metFirst = first.meets(examples.criteria), metSecond = second.meets(examples.criteria)
      for (row, (margin, otherMargin)) in margins.enumerated() {
        guard otherMargin > margin else { continue }
        if metSecond[row], !metFirst[row], !A.isMinimumNorm { meanWeightWins += 1 }
        found.points.replaceRow(row, with: other.points.row(row))
        found.distances[row] = other.distances[row]
      }
    }
  }

  // MARK: evidence against the attack itself

  private func evidence(
    _ examples: Examples, _ ball: Ball, _ search: inout Search, survivors: [Bool]
  ) throws -> [Evidence: Evidence.Count] {
    var result: [Evidence: Evidence.Count] = [:]
    let batch = search.batch, predictor = search.predictor
    if search.lossesAsked > 0 {
      result[.uncertainLoss] = .init(cases: search.uncertainLosses, n: search.lossesAsked)
      result[.meanWeightsWin] = .init(cases: search.meanWeightWins, n: examples.count)
    }
    let random = NoiseAddress(seed: mixSeed(batch.seed, 0x72_616E_646F_6D))
    let there = try predictor.labels(ball.randomPoint(around: examples, random), identities: examples.identities)
    let missed = examples.criteria.indices.count { survivors[$0] && examples.criteria[$0].isMet(by: there[$0]) }
    result[.randomPointWins] = .init(cases: missed, n: examples.count)
    guard A.knowledge == .gradients else { return result }

    var first = search.oracle()
    _ = try first.lossGradient(at: examples.inputs, of: examples)
    result[.vanishedGradient] = .init(cases: first.vanishedGradients, n: examples.count)

    // Attacks of minimum norm stop just past the boundary, where a random model's answer is anybody's.
    guard batch.isFirst, attack.reachesEverything, !A.isMinimumNorm, ball.epsilon > 0 else { return result }
    let few = examples.rows(at: Array(0..<min(examples.count, 16)))
    var everywhere = search.oracle()
    let found = try attack.run(
      on: few, in: .unbounded(ball.norm, dimensions: few.inputs.rowLength), asking: &everywhere)
    let answers = try predictor.labels(found, identities: few.identities)
    result[.unboundedSurvivor] = .init(
      cases: few.criteria.indices.count { !few.criteria[$0].isMet(by: answers[$0]) }, n: few.count)
    return result
  }
}
