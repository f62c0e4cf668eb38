import DitherBasics
import DitherInference
import DitherTensor

/// Attacks on regressions: they raise the error as far as the ball allows, of every example, and are judged by the
/// deployed predictor's answers.
extension AttackProbe {
  /// - Parameter truths: one for each row of the batch.
  func outcome(on batch: ProbeBatch, _ truths: [TrueValues], asking predictor: DeployedPredictor) throws -> Outcome {
    let before = try predictor.judged(batch.inputs, truths, identities: batch.identities)
    let ball = Ball(common.norm, epsilon: common.epsilon)
    let examples = Examples(
      batch.units(batch.inputs), truths.map { .away(from: $0) }, identities: batch.identities)
    var search = Search(self, batch, predictor)
    let found = try search.best(of: examples, in: ball)
    var points = found.points
    let isInside = ball.rowsInside(points, around: examples.inputs)
    var after = try answers(points, batch, truths, predictor)
    // Outside of the ball nothing counts. Where nothing is random an attacker sees which of the two is worse.
    for row in truths.indices
    where !isInside[row] || !predictor.isRandom && after.worst[row] < before.worst[row] {
      after.replace(row, with: before)
      points.replaceRow(row, with: examples.inputs.row(row))
    }
    var outcome = try Outcome(
      before, after: after, of: AttackFinds(trace: AttackFinds.Trace(found.trace, examples: examples.count)))
    outcome.questions = search.questions
    if predictor.isRandom {
      outcome.cleanAgain = try predictor.redrawn.judged(batch.inputs, truths, identities: batch.identities).right
    }
    if !batch.transfers.isEmpty {
      outcome.transferred = try batch.transfers.map { try answers(points, batch, truths, $0).right }
    }
    if search.endedEarly {
      outcome.evidence[.endedEarly] = .init(cases: examples.count, n: examples.count)
    } else if batch.wantsEvidence {
      outcome.evidence.merge(try evidence(examples, ball, &search, truths, after)) { $1 }
    }
    keep(points, batch, truths, after)
    return outcome
  }

  private func answers(
    _ points: Tensor, _ batch: ProbeBatch, _ truths: [TrueValues], _ predictor: DeployedPredictor
  ) throws -> JudgedValues {
    try predictor.judged(
      batch.inputs(points, identities: batch.identities), truths, identities: batch.identities)
  }

  private func keep(_ points: Tensor, _ batch: ProbeBatch, _ truths: [TrueValues], _ after: JudgedValues) {
    guard let keep = batch.adversarials else { return }
    let shape = Shape([after.means.count, after.means.first?.count ?? 0])
    keep(
      Adversarials(
        probe: 0, indices: batch.identities.map(Int.init), labels: batch.labels,
        inputs: batch.inputs(points, identities: batch.identities),
        answers: [Int](repeating: Label.none, count: batch.labels.count),
        answerValues: Tensor(shape, after.means.flatMap { $0.map { Float($0) } }),
        values: Tensor(shape, truths.flatMap(\.values))))
  }

  private func evidence(
    _ examples: Examples, _ ball: Ball, _ search: inout Search, _ truths: [TrueValues], _ after: JudgedValues
  ) throws -> [Evidence: Evidence.Count] {
    var result: [Evidence: Evidence.Count] = [:]
    let batch = search.batch
    if search.lossesAsked > 0 {
      result[.uncertainLoss] = .init(cases: search.uncertainLosses, n: search.lossesAsked)
    }
    // One random point more is now and then the worst of all of them.
    if A.self != AdditiveNoise.self {
      let points = ball.randomPoint(
        around: examples, NoiseAddress(seed: mixSeed(batch.seed, 0x72_616E_646F_6D)))
      let there = try answers(points, batch, truths, search.predictor)
      result[.randomPointWins] = .init(
        cases: truths.indices.count { after.isBeaten(by: there, $0) }, n: examples.count)
    }
    guard A.knowledge == .gradients else { return result }
    // To one side of the first value: where there is no error the square's gradient is zero by right.
    let sided = Examples(
      examples.inputs, truths.map { .away(from: $0.leading(value: 0, to: 1)) }, identities: examples.identities)
    var first = search.oracle(hasDeadline: false)
    let gradient = try first.lossGradient(at: examples.inputs, of: sided)
    result[.vanishedGradient] = .init(
      cases: (0..<examples.count).count { row in gradient.row(row).allSatisfy { $0 == 0 } }, n: examples.count)
    return result
  }
}
