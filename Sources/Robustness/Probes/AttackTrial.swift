import DitherInference
import DitherTensor

/// The examples of a batch that an attack is tried on, and what becomes of what it makes.
struct AttackTrial {
  private let batch: ProbeBatch
  /// The deployed predictor's answers to the examples as they are.
  private let before: [Int]
  let ball: Ball
  /// [B]: what is wanted of each row.
  private let criteria: [Criterion]
  /// [B]: it stands as it is, without an attack.
  let right: [Bool]
  /// Rows of the batch that are attacked: those that stand, and are not of the class to which they are to be led.
  let standing: [Int]
  /// These, as an attack sees them.
  let examples: Examples
  var isEmpty: Bool { standing.isEmpty }

  /// - Parameters:
  ///   - before: the deployed predictor's answers to the batch's rows.
  ///   - criteria: what is wanted of each row.
  init(_ batch: ProbeBatch, _ before: [Int], _ criteria: [Criterion], in ball: Ball) {
    self.batch = batch
    self.before = before
    self.ball = ball
    self.criteria = criteria
    let right = before.indices.map { criteria[$0].isWithstood(by: before[$0], label: batch.labels[$0]) }
    self.right = right
    // An example of the class to which it is to be led has nothing to fear.
    let standing = right.indices.filter { right[$0] && !criteria[$0].isMet(by: batch.labels[$0]) }
    self.standing = standing
    examples = Examples(
      batch.units(batch.inputs.rows(at: standing)), standing.map { criteria[$0] },
      identities: standing.map { batch.identities[$0] })
  }

  /// A predictor's answers to points that an attack made, one for each standing example.
  struct Verdict {
    var answers: [Int]
    /// The criterion is met.
    fileprivate var isFooled: [Bool]
    fileprivate var isInside: [Bool]
    /// An attack counts inside the ball only.
    func wins(_ at: Int) -> Bool { isFooled[at] && isInside[at] }
  }

  func answers(_ points: Tensor, of predictor: DeployedPredictor) throws -> [Int] {
    try predictor.labels(batch.inputs(points, identities: examples.identities), identities: examples.identities)
  }

  func judged(_ points: Tensor, by predictor: DeployedPredictor) throws -> Verdict {
    let answers = try answers(points, of: predictor)
    return Verdict(
      answers: answers, isFooled: zip(examples.criteria, answers).map { $0.isMet(by: $1) },
      isInside: ball.rowsInside(points, around: examples.inputs))
  }

  func note(_ verdict: Verdict, in outcome: inout Outcome) {
    for (at, row) in standing.enumerated() where verdict.wins(at) {
      outcome.robust[row] = false
      outcome.answered(verdict.answers[at], row: row)
      outcome.note([verdict.answers[at]], rows: [row], isChanged: true)
    }
  }

  /// - Parameters:
  ///   - distances: of the standing examples' nearest points.
  ///   - answers: the deployed predictor's, to these.
  func note(_ distances: [Double], answers: [Int], in finds: inout AttackFinds) {
    for (at, row) in standing.enumerated()
    where examples.criteria[at].isMet(by: answers[at]) && distances[at].isFinite {
      finds.distances?[row] = distances[at]
    }
  }

  /// By other model and row: right on what was made for this one.
  /// - Parameter made: nil where no example stood.
  /// - Returns: nil where there is no other model.
  func transferred(_ made: (points: Tensor, verdict: Verdict)?) throws -> [[Bool]]? {
    guard !batch.transfers.isEmpty else { return nil }
    return try batch.transfers.map { other in
      let clean = try other.labels(of: batch)
      var right = clean.indices.map { criteria[$0].isWithstood(by: clean[$0], label: batch.labels[$0]) }
      guard let made else { return right }
      let there = try answers(made.points, of: other)
      for (at, row) in standing.enumerated() where made.verdict.isInside[at] {
        right[row] = right[row] && !examples.criteria[at].isMet(by: there[at])
      }
      return right
    }
  }

  /// Hands what was made to who keeps it.
  func keep(_ points: Tensor, _ answers: [Int]) {
    guard let keep = batch.adversarials else { return }
    var all = batch.inputs, labels = before
    let made = batch.inputs(points, identities: examples.identities)
    for (at, row) in standing.enumerated() {
      all.replaceRow(row, with: made.row(at))
      labels[row] = answers[at]
    }
    keep(
      Adversarials(
        probe: 0, indices: batch.identities.map(Int.init), labels: batch.labels, inputs: all, answers: labels))
  }

  /// The first few, where they are pictures.
  func illustrations(_ points: Tensor, _ answers: [Int]) -> [Illustration] {
    guard batch.isFirst, batch.image.isPicture, batch.space == nil else { return [] }
    return standing.indices.prefix(Illustration.perProbe).map { at in
      Illustration(
        examples.identities[at], batch.image, before: examples.inputs.row(at), after: points.row(at),
        label: before[standing[at]], labelAfter: answers[at])
    }
  }
}
