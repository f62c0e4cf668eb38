import DitherBasics
import DitherInference
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
    /// Where examples are led: `untargeted`, away from their class; `next`, to the class after it; `least_likely`, to the one that the
    /// model holds for least likely; `given`, to one for each example that comes with the data; or to a class, by its number.
    var target = Target.untargeted
    /// Draws of a random model's noise behind every answer, at least; the mean of as many decides what is followed.
    var draws = 16
    /// Of the expected loss, or of its share where it is larger than 1: where it is not reached, draws are added.
    var standardError = 0.1
    /// Draws of one answer, at most; 0: eight times `draws`.
    var mostDraws = 0
    /// Of a random model: the same attack through one draw a step beside it, to show what the expectation finds that it does not.
    var singleDraw = false

    private enum CodingKeys: String, CodingKey {
      case norm, epsilon, restarts, draws, target
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
    guard A.canTarget || common.target == .untargeted else {
      throw RobustnessError(
        .parameter, at: "target", expected: "untargeted", got: "'\(common.target)'",
        advice: "this attack has no way to start from a class; \(Self.targeting) have")
    }
    try attack.validate()
  }

  private static var targeting: String {
    Catalog<any Attack.Type>.attacks.entries.filter { $0.canTarget }.map { $0.name }.joined(separator: ", ")
  }

  func check(_ predictor: DeployedPredictor) throws {
    guard case .label(let label) = common.target else { return }
    let classes = predictor.model.signature.classes
    guard label < classes else {
      throw RobustnessError(
        .parameter, at: "probe \(Self.name) target", expected: "a class from 0 to \(classes - 1)", got: "\(label)")
    }
  }

  func check(_ data: AuditData) throws {
    if let features = data.features, features.free.isEmpty {
      throw RobustnessError(
        .data, at: "probe \(Self.name)", expected: "a feature that an attacker may change", got: "none",
        advice: "give bounds with --features")
    }
    guard common.target != .given || data.targets != nil else {
      throw RobustnessError(
        .data, at: "probe \(Self.name) target", expected: "a class for each example beside the labels", got: "none",
        advice: "give them with --targets FILE.npy")
    }
  }

  /// [B]: what is wanted of each example.
  private func criteria(_ batch: ProbeBatch, _ predictor: DeployedPredictor) throws -> [Criterion] {
    switch common.target {
    case .untargeted: return batch.labels.map { .untargeted(label: $0) }
    case .label(let label): return batch.labels.map { _ in .targeted(to: label) }
    case .next:
      let classes = predictor.model.signature.classes
      return batch.labels.map { .targeted(to: ($0 + 1) % classes) }
    case .given: return (batch.targets ?? batch.labels).map { .targeted(to: $0) }
    case .leastLikely:
      return try predictor.probabilities(batch.inputs, identities: batch.identities).map { p in
        .targeted(to: p.indices.min { p[$0] < p[$1] } ?? 0)
      }
    }
  }

  var canEndEarly: Bool { true }

  func condition(of image: ImageShape) -> Condition {
    .attack(
      norm: common.norm, epsilon: common.epsilon, effort: attack.effort * common.restarts, knowledge: A.knowledge)
  }

  func cost(examples: Int, draws: Int) -> ProbeCost {
    let asked =
      common.restarts == 1 ? attack.questions : attack.restarted(common.restarts).questions
    // Of a random model: what the tries found is compared, or followed past the boundary; answers have more draws where they are
    // needed; the same on the mean weights, and through single draws.
    let compared = A.isMinimumNorm ? 2 * Search.stepsPastBoundary + 2 : 6
    let rows =
      examples
      * (draws > 1 ? (asked + compared) * 2 * common.draws + asked * (common.singleDraw ? 2 : 1) : asked)
    let judged = 4 * examples * draws
    return A.knowledge == .gradients
      ? ProbeCost(forward: judged, gradient: rows) : ProbeCost(forward: judged + rows)
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let before = try predictor.labels(of: batch)
    var outcome = Outcome(answers: before, after: before, labels: batch.labels)
    let clean = outcome.clean
    if predictor.isRandom {
      let again = try predictor.redrawn.labels(of: batch)
      outcome.cleanAgain = zip(again, batch.labels).map(==)
    }
    let criteria = try criteria(batch, predictor)
    // Who is in the class already to which it is to be led has nothing to fear.
    let standing = clean.indices.filter { clean[$0] && !criteria[$0].isMet(by: batch.labels[$0]) }
    guard !standing.isEmpty else { return outcome }
    let examples = Examples(
      batch.units(batch.inputs.rows(at: standing)), standing.map { criteria[$0] },
      identities: standing.map { batch.identities[$0] })
    func judge(_ points: Tensor, by predictor: DeployedPredictor) throws -> [Int] {
      try predictor.labels(batch.inputs(points, identities: examples.identities), identities: examples.identities)
    }
    let ball = Ball(common.norm, epsilon: common.epsilon)
    var search = Search(self, batch, predictor)
    let found = try search.best(of: examples, in: ball)
    outcome.questions = search.questions
    outcome.trace = Outcome.Trace(found.trace, examples: examples.count)
    let after = try judge(found.points, by: predictor)
    let fooled = standing.indices.map { examples.criteria[$0].isMet(by: after[$0]) }
    let inside = ball.rowsInside(found.points, around: examples.inputs)
    for (at, row) in standing.enumerated() where fooled[at] && inside[at] {
      outcome.robust[row] = false
      outcome.note([after[at]], rows: [row], isChanged: true)
    }
    if A.isMinimumNorm {
      // Of a random model the nearest points are judged for themselves: what serves in the ball is another point.
      let nearest = search.nearest ?? found
      let there = predictor.isRandom ? try judge(nearest.points, by: predictor) : after
      outcome.distances = [Double?](repeating: nil, count: clean.count)
      for row in clean.indices where !clean[row] { outcome.distances?[row] = 0 }
      for (at, row) in standing.enumerated()
      where examples.criteria[at].isMet(by: there[at]) && nearest.distances[at].isFinite {
        outcome.distances?[row] = nearest.distances[at]
      }
    }
    let others = try batch.transfers.map { other in
      let there = try judge(found.points, by: other)
      var transferred = zip(try other.labels(of: batch), batch.labels).map(==)
      for (at, row) in standing.enumerated() where inside[at] {
        transferred[row] = transferred[row] && !examples.criteria[at].isMet(by: there[at])
      }
      return transferred
    }
    if !others.isEmpty { outcome.transferred = others }
    if common.singleDraw, predictor.isRandom, !search.endedEarly {
      try addSingleDraw(to: &outcome, examples, standing, ball, batch, predictor)
    }
    if search.endedEarly {
      outcome.evidence[.endedEarly] = .init(cases: standing.count, n: standing.count)
    } else if batch.wantsEvidence {
      outcome.evidence.merge(
        try evidence(examples, ball, &search, survivors: standing.map { outcome.robust[$0] })
      ) { $1 }
    }
    if let keep = batch.adversarials {
      var all = batch.inputs, answers = before
      let made = batch.inputs(found.points, identities: examples.identities)
      for (at, row) in standing.enumerated() {
        all.replaceRow(row, with: made.row(at))
        answers[row] = after[at]
      }
      keep(
        Adversarials(
          probe: 0, indices: batch.identities.map(Int.init), labels: batch.labels, inputs: all, answers: answers))
    }
    if batch.isFirst, batch.image.isPicture, batch.space == nil {
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
    guard !batch.isOutOfTime else { return }
    let after = try predictor.labels(
      batch.inputs(found, identities: examples.identities), identities: examples.identities)
    for (at, row) in standing.enumerated() where inside[at] && examples.criteria[at].isMet(by: after[at]) {
      right[row] = false
      if outcome.robust[row] { wins += 1 }
    }
    outcome.singleDraw = right
    outcome.questions += search.questions
    outcome.evidence[.singleDrawWins] = .init(cases: wins, n: standing.count)
  }

  // MARK: evidence against the attack itself

  /// Of what the attack left standing, how much a random point of the ball breaks.
  private func brokenByChance(
    _ examples: Examples, _ ball: Ball, _ search: Search, survivors: [Bool]
  ) throws -> Int {
    let points = ball.randomPoint(
      around: examples, NoiseAddress(seed: mixSeed(search.batch.seed, 0x72_616E_646F_6D)))
    var rows = survivors.indices.filter { survivors[$0] }
    guard !rows.isEmpty else { return 0 }
    if search.predictor.isRandom {
      // A few draws spare the judge what they put beyond doubt.
      var oracle = search.oracle(hasDeadline: false)
      let part = examples.rows(at: rows), answer = try oracle.answer(at: points.rows(at: rows), of: part)
      let margins = zip(answer.margins(part.criteria), answer.marginErrors)
      rows = zip(rows, margins).filter { !($1.0 < -max(6 * $1.1, 0.5)) }.map(\.0)
    }
    let identities = rows.map { examples.identities[$0] }
    let there = try search.predictor.labels(
      search.batch.inputs(points.rows(at: rows), identities: identities), identities: identities)
    return zip(rows, there).count { examples.criteria[$0].isMet(by: $1) }
  }

  private func evidence(
    _ examples: Examples, _ ball: Ball, _ search: inout Search, survivors: [Bool]
  ) throws -> [Evidence: Evidence.Count] {
    var result: [Evidence: Evidence.Count] = [:]
    let batch = search.batch, predictor = search.predictor
    if search.lossesAsked > 0 {
      result[.uncertainLoss] = .init(cases: search.uncertainLosses, n: search.lossesAsked)
      result[.meanWeightsWin] = .init(cases: search.meanWeightWins, n: examples.count)
    }
    result[.randomPointWins] = .init(
      cases: try brokenByChance(examples, ball, search, survivors: survivors), n: examples.count)
    guard A.knowledge == .gradients else { return result }

    var first = search.oracle(hasDeadline: false)
    _ = try first.lossGradient(at: examples.inputs, of: examples)
    result[.vanishedGradient] = .init(cases: first.vanishedGradients, n: examples.count)

    // Attacks of minimum norm stop just past the boundary, where a random model's answer is anybody's.
    // Nor need every class be reached from everywhere.
    guard batch.isFirst, attack.reachesEverything, !A.isMinimumNorm, common.target == .untargeted, ball.epsilon > 0
    else { return result }
    let few = examples.rows(at: Array(0..<min(examples.count, 16)))
    var everywhere = search.oracle()
    let found = try attack.run(
      on: few, in: .unbounded(ball.norm, dimensions: few.inputs.rowLength), asking: &everywhere)
    guard !batch.isOutOfTime else { return result }
    let answers = try predictor.labels(
      batch.inputs(found, identities: few.identities), identities: few.identities)
    result[.unboundedSurvivor] = .init(
      cases: few.criteria.indices.count { !few.criteria[$0].isMet(by: answers[$0]) }, n: few.count)
    return result
  }
}
