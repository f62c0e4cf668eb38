import DitherInference
import DitherTensor

/// Stands between an attack and what it asks. It keeps each example's best point, and answers about examples that are
/// already broken by itself, so that they cost nothing more: early stopping and the choice of the iterate, written once.
///
/// It follows questions about all of the examples in their order; others it passes on.
struct RecordingOracle<Base: Oracle>: Oracle {
  private(set) var base: Base
  private(set) var best: Tensor
  private let examples: Examples
  private let ball: Ball
  private var bestMargin: [Float]
  /// Of a deterministic model: the best point meets the criterion, for good.
  private var isBroken: [Bool]

  init(_ base: Base, _ examples: Examples, _ ball: Ball) {
    self.base = base
    self.examples = examples
    self.ball = ball
    best = examples.inputs
    bestMargin = [Float](repeating: -.infinity, count: examples.count)
    isBroken = [Bool](repeating: false, count: examples.count)
  }

  var questions: Int { base.questions }
  var isRandom: Bool { base.isRandom }
  var random: NoiseAddress { mutating get { base.random } }

  mutating func ask(_ x: Tensor, _ criteria: [Criterion], loss: Loss, wantsGradient: Bool) throws -> Answer {
    guard criteria == examples.criteria, x.shape == examples.inputs.shape else {
      return try base.ask(x, criteria, loss: loss, wantsGradient: wantsGradient)
    }
    let open = isBroken.indices.filter { !isBroken[$0] }
    guard open.count < examples.count else {
      let answer = try base.ask(x, criteria, loss: loss, wantsGradient: wantsGradient)
      record(x, open, answer, criteria)
      return answer
    }
    return try askAboutOpen(open, x, criteria, loss, wantsGradient)
  }

  private mutating func askAboutOpen(
    _ open: [Int], _ x: Tensor, _ criteria: [Criterion], _ loss: Loss, _ wantsGradient: Bool
  ) throws -> Answer {
    var losses = [Float](repeating: 0, count: examples.count), gradient = wantsGradient ? Tensor(zeros: x.shape) : nil
    // A broken example's scores: the criterion is met.
    var scores = [[Float]](repeating: [], count: examples.count), classes = 2
    if !open.isEmpty {
      let part = x.rows(at: open), wanted = open.map { criteria[$0] }
      let answer = try base.ask(part, wanted, loss: loss, wantsGradient: wantsGradient)
      record(part, open, answer, wanted)
      classes = answer.scores.rowLength
      for (at, row) in open.enumerated() {
        losses[row] = answer.losses[at]
        scores[row] = Array(answer.scores.row(at))
        if let found = answer.gradient { gradient?.replaceRow(row, with: found.row(at)) }
      }
    }
    for row in criteria.indices where isBroken[row] && scores[row].isEmpty {
      classes = max(classes, criteria[row].label + 1)
    }
    let flat = criteria.indices.flatMap { row in
      scores[row].isEmpty ? Self.scores(meeting: criteria[row], classes) : scores[row]
    }
    return Answer(losses: losses, gradient: gradient, scores: Tensor([criteria.count, classes], flat))
  }

  private static func scores(meeting criterion: Criterion, _ classes: Int) -> [Float] {
    let met = (0..<classes).first { criterion.isMet(by: $0) } ?? 0
    return (0..<classes).map { $0 == met ? 1 : 0 }
  }

  private mutating func record(_ x: Tensor, _ rows: [Int], _ answer: Answer, _ criteria: [Criterion]) {
    let clean = rows.count == examples.count ? examples.inputs : examples.inputs.rows(at: rows)
    let inside = ball.rowsInside(x, around: clean)
    let met = answer.meets(criteria), margins = answer.margins(criteria)
    for (at, row) in rows.enumerated() where inside[at] {
      let breaks = met[at] && !isRandom
      guard breaks || margins[at] > bestMargin[row] else { continue }
      bestMargin[row] = margins[at]
      best.replaceRow(row, with: x.row(at))
      isBroken[row] = breaks
    }
  }

  /// The last point is asked about too. Of a random model the best point so far is asked about once more with it: both are
  /// then judged by draws that did not choose them.
  mutating func settle(between last: Tensor) throws {
    if !isRandom {
      _ = try ask(last, examples.criteria, loss: .crossEntropy, wantsGradient: false)
      return
    }
    let now = try base.answer(at: last, examples.criteria).margins(examples.criteria)
    let then = try base.answer(at: best, examples.criteria).margins(examples.criteria)
    for row in now.indices where now[row] >= then[row] { best.replaceRow(row, with: last.row(row)) }
  }

  /// Without an answer about it, the attack's own last point stands where none that was asked about is broken.
  mutating func fallBack(to last: Tensor?) {
    guard let last else { return }
    for row in isBroken.indices where !isBroken[row] { best.replaceRow(row, with: last.row(row)) }
  }
}
