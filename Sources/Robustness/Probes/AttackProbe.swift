import DitherTensor

/// An attack on the examples that the deployed predictor gets right. Success is judged by that predictor, on draws that the
/// attack did not see; what is wrong without an attack is wrong under it, and is not credited to it.
struct AttackProbe<A: Attack>: Probe {
  static var name: String { A.name }
  static var summary: String { A.summary }

  /// What every attack can be told; coded beside the attack's own parameters.
  struct Common: Codable, Sendable {
    var norm = Norm.linf
    /// In units of the input.
    var epsilon = 8.0 / 255
    var restarts = 1
    /// Draws of a random model's noise behind every gradient.
    var draws = 16
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
    try require(common.restarts, in: 1...10_000, "restarts")
    try require(common.draws, in: 1...4096, "draws")
    try attack.validate()
  }

  func condition(of image: ImageShape) -> Condition {
    .attack(norm: common.norm, epsilon: common.epsilon, effort: attack.effort * common.restarts)
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let before = try predictor.labels(batch.inputs, identities: batch.identities)
    let clean = zip(before, batch.labels).map(==)
    let standing = clean.indices.filter { clean[$0] }
    var outcome = Outcome(clean: clean, robust: clean)
    guard !standing.isEmpty else { return outcome }
    let examples = Examples(
      batch.inputs.rows(at: standing), standing.map { .untargeted(label: batch.labels[$0]) },
      identities: standing.map { batch.identities[$0] })
    let ball = Ball(common.norm, epsilon: common.epsilon)
    let (found, oracle) = try search(examples, ball, batch, predictor)
    outcome.questions = oracle.questions
    let after = try predictor.labels(found, identities: examples.identities)
    for (at, row) in standing.enumerated() { outcome.robust[row] = after[at] == batch.labels[row] }
    outcome.evidence = try evidence(examples, ball, batch, predictor, survivors: standing.map { outcome.robust[$0] })
    if batch.isFirst, batch.image.isPicture {
      outcome.illustrations = standing.indices.prefix(Illustration.perProbe).map { at in
        Illustration(
          examples.identities[at], batch.image, before: examples.inputs.row(at), after: found.row(at),
          label: before[standing[at]], labelAfter: after[at])
      }
    }
    return outcome
  }

  private func search(
    _ examples: Examples, _ ball: Ball, _ batch: ProbeBatch, _ predictor: DeployedPredictor
  ) throws -> (found: Tensor, oracle: ModelOracle) {
    var oracle = self.oracle(batch, predictor)
    let found =
      common.restarts == 1
      ? try attack.run(on: examples, in: ball, asking: &oracle)
      : try attack.restarted(common.restarts).run(on: examples, in: ball, asking: &oracle)
    return (found, oracle)
  }

  private func oracle(_ batch: ProbeBatch, _ predictor: DeployedPredictor) -> ModelOracle {
    let oracle = ModelOracle(
      predictor.model, seed: mixSeed(batch.seed, batch.identities.first ?? 0), isCancelled: batch.isCancelled)
    return predictor.isRandom ? oracle.expectation(over: common.draws) : oracle
  }

  // MARK: evidence against the attack itself

  private func evidence(
    _ examples: Examples, _ ball: Ball, _ batch: ProbeBatch, _ predictor: DeployedPredictor, survivors: [Bool]
  ) throws -> [Evidence: Evidence.Count] {
    var result: [Evidence: Evidence.Count] = [:]
    let random = NoiseAddress(seed: mixSeed(batch.seed, 0x72_616E_646F_6D))
    let there = try predictor.labels(ball.randomPoint(around: examples, random), identities: examples.identities)
    let missed = examples.criteria.indices.count { survivors[$0] && examples.criteria[$0].isMet(by: there[$0]) }
    result[.randomPointWins] = .init(cases: missed, n: examples.count)

    var first = oracle(batch, predictor)
    _ = try first.lossGradient(at: examples.inputs, examples.criteria)
    result[.vanishedGradient] = .init(cases: first.vanishedGradients, n: examples.count)

    guard batch.isFirst, attack.reachesEverything, ball.epsilon > 0 else { return result }
    let few = examples.rows(at: Array(0..<min(examples.count, 16)))
    var everywhere = oracle(batch, predictor)
    let found = try attack.run(
      on: few, in: .unbounded(ball.norm, dimensions: few.inputs.rowLength), asking: &everywhere)
    let answers = try predictor.labels(found, identities: few.identities)
    result[.unboundedSurvivor] = .init(
      cases: few.criteria.indices.count { !few.criteria[$0].isMet(by: answers[$0]) }, n: few.count)
    return result
  }
}
