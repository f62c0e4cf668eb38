import DitherBasics
import DitherInference
import DitherTensor

/// An attack on the examples that the deployed predictor gets right, or, where they are led to a class, does not answer
/// with it. Success is judged by that predictor, on draws that the attack did not see; what fails without an attack
/// fails under it, and is not credited to it.
struct AttackProbe<A: Attack>: Probe {
  static var name: String { A.name }
  static var summary: String { A.summary }
  static var formerDefaults: [String: String] { ["most_draws": "0"] }

  /// Parameters that every attack has; coded beside the attack's own parameters.
  struct Common: Codable, Sendable {
    var norm = A.norms.first ?? .linf
    /// In units of the input. An attack of minimum norm is judged by it too.
    var epsilon = 8.0 / 255
    var restarts = 1
    /// Where examples are led: `untargeted`, away from their class; `next`, to the class after it; `least_likely`, to
    /// the one that the model holds for least likely; `given`, to one for each example that comes with the data; or to
    /// a class, by its number.
    var target = Target.untargeted
    /// Draws of a random model's noise behind every answer, at least; the mean of as many decides what is followed.
    var draws = 16
    /// The standard error of the expected loss, or of its share where it is larger than 1: where it is not reached,
    /// draws are added.
    var standardError = 0.1
    /// Draws of one answer, at most; nil: eight times `draws`.
    var mostDraws: Int?
    /// For a random model: the same attack through one draw a step beside it, to show what the expectation finds that
    /// it does not.
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
    if let most = common.mostDraws { try require(most, in: 1...65_536, "most_draws") }
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

  var movesInputs: Bool { true }
  var takesValues: Bool { A.takesValues }
  func checkForValues() throws(RobustnessError) { try attack.checkForValues() }

  func check(_ predictor: DeployedPredictor) throws {
    guard !predictor.model.signature.task.isRegression || common.target == .untargeted else {
      throw RobustnessError(
        .parameter, at: "probe \(Self.name) target", expected: "untargeted, as a regression has no classes",
        got: "'\(common.target)'")
    }
    guard case .label(let label) = common.target else { return }
    let classes = predictor.model.signature.classes
    guard label < classes else {
      throw RobustnessError(
        .parameter, at: "probe \(Self.name) target", expected: "a class from 0 to \(classes - 1)", got: "\(label)")
    }
  }

  func check(_ data: AuditData) throws {
    if let features = data.features, data.integerColumns == features.count {
      throw RobustnessError(
        .data, at: "probe \(Self.name)", expected: "a float input, which an attacker may change",
        got: "a model of integers alone, none of which goes into one table of words for all models of the audit",
        advice: "probes that measure (clean, calibration, selective) and noise on embeddings take it")
    }
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
  var gateMeasures: [String]? { A.isMinimumNorm ? Gate.shares + ["median_distance"] : Gate.shares }

  func condition(of image: ImageShape) -> Condition {
    .attack(threat, effort: attack.effort * common.restarts, knowledge: A.knowledge)
  }

  private var threat: Threat { Threat(norm: common.norm, epsilon: common.epsilon) }

  func cost(examples: Int, draws: Int) -> ProbeCost {
    let asked =
      common.restarts == 1 ? attack.questions : attack.restarted(common.restarts).questions
    // For a random model: what the tries found is compared, or followed past the boundary; answers have more draws
    // where they are needed; the same on the mean weights, and through single draws.
    let compared = A.isMinimumNorm ? 2 * Search.stepsPastBoundary + 2 : 6
    let rows =
      examples
      * (draws > 1 ? (asked + compared) * 2 * common.draws + asked * (common.singleDraw ? 2 : 1) : asked)
    let judged = 4 * examples * draws
    return A.knowledge == .gradients
      ? ProbeCost(forward: judged, gradient: rows) : ProbeCost(forward: judged + rows)
  }

  func details(of image: ImageShape) -> [String] { threat.words + attack.details }

  func strength(of image: ImageShape) -> Strength? {
    Strength(
      curve: curve(without: "epsilon"), title: "\(A.name), \(common.norm.title)",
      axis: "epsilon, in units of the input", value: common.epsilon, label: ParameterValue.written(common.epsilon))
  }

  func sections(of outcomes: [Outcome], labels: ClassLabels) -> ProbeSections {
    let kept = outcomes.kept(AttackFinds.self)
    var sections = ProbeSections()
    sections.singleDraw = ProbeReport.Share(kept.map(\.singleDraw))
    sections.progress = ProbeReport.Progress(kept.compactMap(\.trace))
    if A.isMinimumNorm { sections.distances = kept.flatMap { $0.distances ?? [] } }
    sections.summary = ValueSummary.changed(kept.compactMap(\.values))
    return sections
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    if let truths = batch.truths { return try outcome(on: batch, truths, asking: predictor) }
    let before = try predictor.labels(of: batch)
    var outcome = Outcome(answers: before, after: before, labels: batch.labels), finds = AttackFinds()
    if predictor.isRandom {
      let again = try predictor.redrawn.labels(of: batch)
      outcome.cleanAgain = zip(again, batch.labels).map(==)
    }
    let trial = AttackTrial(
      batch, before, try criteria(batch, predictor), in: Ball(common.norm, epsilon: common.epsilon))
    outcome.robust = trial.right
    if A.isMinimumNorm { finds.distances = trial.right.map { $0 ? nil : 0 } }
    if common.singleDraw, predictor.isRandom { finds.singleDraw = trial.right }
    var search = Search(self, batch, predictor)
    if trial.isEmpty {
      outcome.transferred = try trial.transferred(nil)
    } else {
      try attack(trial, &search, &outcome, &finds)
    }
    try outcome.keep(finds)
    return outcome
  }

  /// Looks for inputs, judges them, tries them on other models, and looks for what speaks against the attack.
  private func attack(
    _ trial: AttackTrial, _ search: inout Search, _ outcome: inout Outcome, _ finds: inout AttackFinds
  ) throws {
    let batch = search.batch, predictor = search.predictor, examples = trial.examples
    let found = try search.best(of: examples, in: trial.ball)
    outcome.questions = search.questions
    finds.trace = AttackFinds.Trace(found.trace, examples: examples.count)
    let verdict = try trial.judged(found.points, by: predictor)
    trial.note(verdict, in: &outcome)
    if A.isMinimumNorm {
      // For a random model the nearest points are judged for themselves: what serves in the ball is another point.
      let nearest = search.nearest ?? found
      let there = predictor.isRandom ? try trial.answers(nearest.points, of: predictor) : verdict.answers
      trial.note(nearest.distances, answers: there, in: &finds)
    }
    outcome.transferred = try trial.transferred((found.points, verdict))
    if finds.singleDraw != nil {
      finds.singleDraw =
        search.endedEarly ? nil : try throughSingleDraws(trial, batch, predictor, &outcome)
    }
    if search.endedEarly {
      outcome.evidence[.endedEarly] = .init(cases: examples.count, n: examples.count)
    } else if batch.wantsEvidence {
      let survivors = trial.standing.map { outcome.robust[$0] }
      outcome.evidence.merge(try evidence(examples, trial.ball, &search, survivors: survivors)) { $1 }
    }
    trial.keep(found.points, verdict.answers)
    outcome.illustrations = trial.illustrations(found.points, verdict.answers)
  }

  /// The attack as it is often made on random models: one draw a step. It counts for nothing but the comparison.
  /// - Returns: by example, right under it; nil where the time was over.
  private func throughSingleDraws(
    _ trial: AttackTrial, _ batch: ProbeBatch, _ predictor: DeployedPredictor, _ outcome: inout Outcome
  ) throws -> [Bool]? {
    var naive = self, right = trial.right, wins = 0
    (naive.common.draws, naive.common.mostDraws) = (1, 1)
    var search = Search(naive, batch, predictor)
    let found = try search.throughNoise(of: trial.examples, in: trial.ball).points
    guard !batch.isOutOfTime else { return nil }
    let verdict = try trial.judged(found, by: predictor)
    for (at, row) in trial.standing.enumerated() where verdict.wins(at) {
      right[row] = false
      if outcome.robust[row] { wins += 1 }
    }
    outcome.questions += search.questions
    outcome.evidence[.singleDrawWins] = .init(cases: wins, n: trial.standing.count)
    return right
  }

  // MARK: evidence against the attack itself

  /// How many of the examples that the attack left standing a random point of the ball breaks.
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
