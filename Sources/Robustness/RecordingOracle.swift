import DitherInference
import DitherTensor

/// Stands between an attack and what it asks. It keeps each example's best point, and answers about examples that are
/// already broken by itself, so that they cost nothing more: early stopping and the choice of the iterate, written
/// once.
struct RecordingOracle<Base: Oracle>: Oracle {
  /// The best point of an example.
  enum Goal: Sendable {
    /// One inside the ball that meets the criterion ends the search; until then the one farthest towards it.
    case inside(Ball)
    /// The nearest that meets the criterion; the search goes on.
    case nearest(Norm)
  }

  private(set) var base: Base
  private(set) var best: Tensor
  /// The lengths of the best perturbations that meet the criterion; infinite where none does.
  private(set) var distances: [Double]
  /// Means of the best margins so far, one for each question.
  private(set) var trace: [Float] = []
  private let examples: Examples
  private let goal: Goal
  private let places: [UInt64: Int]
  private var bestMargin: [Float]
  /// The best point meets the criterion, for good.
  private var isBroken: [Bool]

  init(_ base: Base, _ examples: Examples, _ goal: Goal) {
    self.base = base
    self.examples = examples
    self.goal = goal
    best = examples.inputs
    places = Dictionary(zip(examples.identities, 0...)) { first, _ in first }
    bestMargin = [Float](repeating: -.infinity, count: examples.count)
    distances = [Double](repeating: .infinity, count: examples.count)
    isBroken = [Bool](repeating: false, count: examples.count)
  }

  var questions: Int { base.questions }
  var isRandom: Bool { base.isRandom }
  var random: NoiseAddress { mutating get { base.random } }

  func open(_ asked: Examples) -> [Int] {
    asked.identities.indices.filter { index in places[asked.identities[index]].map { !isBroken[$0] } ?? true }
  }

  mutating func redraw() { base.redraw() }

  mutating func ask(_ question: Question) throws -> Answer {
    let open = open(question.examples)
    defer { trace.append(Self.mean(bestMargin)) }
    guard open.count < question.examples.count else {
      let answer = try base.ask(question)
      record(question, answer)
      return answer
    }
    return try askAboutOpen(open, question)
  }

  private static func mean(_ margins: [Float]) -> Float {
    let known = margins.filter(\.isFinite)
    return known.isEmpty ? 0 : known.reduce(0, +) / Float(known.count)
  }

  private mutating func askAboutOpen(_ open: [Int], _ question: Question) throws -> Answer {
    let count = question.examples.count, criteria = question.examples.criteria
    var losses = [Float](repeating: 0, count: count)
    var gradient = question.wantsGradient ? Tensor(zeros: question.x.shape) : nil
    // A broken example's scores: the criterion is met.
    var scores = [[Float]](repeating: [], count: count), errors: [Float] = [], classes = 2
    if !open.isEmpty {
      let part = question.rows(at: open), answer = try base.ask(part)
      record(part, answer)
      classes = answer.scores.rowLength
      if !answer.marginErrors.isEmpty { errors = [Float](repeating: 0, count: count) }
      for (at, row) in open.enumerated() {
        losses[row] = answer.losses[at]
        scores[row] = Array(answer.scores.row(at))
        if !errors.isEmpty { errors[row] = answer.marginErrors[at] }
        if let found = answer.gradient { gradient?.replaceRow(row, with: found.row(at)) }
      }
    }
    for row in criteria.indices where scores[row].isEmpty { classes = max(classes, criteria[row].label + 1) }
    let flat = criteria.indices.flatMap { row in
      scores[row].isEmpty ? Self.scores(meeting: criteria[row], classes) : scores[row]
    }
    return Answer(losses: losses, gradient: gradient, scores: Tensor([count, classes], flat), marginErrors: errors)
  }

  private static func scores(meeting criterion: Criterion, _ classes: Int) -> [Float] {
    let met = (0..<classes).first { criterion.isMet(by: $0) } ?? 0
    return (0..<classes).map { $0 == met ? 1 : 0 }
  }

  private mutating func record(_ question: Question, _ answer: Answer) {
    let known = question.examples.identities.map { places[$0] }, criteria = question.examples.criteria
    // The nearest point is just past the boundary: fresh draws judge it later.
    var bar: Float = 4
    if case .nearest = goal { bar = 1 }
    let met = answer.meetsForGood(criteria, standardErrors: bar), margins = answer.margins(criteria)
    for (at, place) in known.enumerated() {
      guard let row = place, examples.criteria[row] == criteria[at], !isBroken[row] else { continue }
      switch goal {
      case .inside(let ball):
        guard met[at] || margins[at] > bestMargin[row],
          let length = ball.lengthInside(question.x, at, around: examples.inputs, row)
        else { continue }
        bestMargin[row] = margins[at]
        best.replaceRow(row, with: question.x.row(at))
        isBroken[row] = met[at]
        if met[at] { distances[row] = length }
      case .nearest(let norm):
        // For a random model a direction is worth something before any point in it is surely past the boundary.
        if isRandom, margins[at] > bestMargin[row], distances[row] == .infinity {
          best.replaceRow(row, with: question.x.row(at))
        }
        bestMargin[row] = max(bestMargin[row], margins[at])
        guard met[at] else { continue }
        let all = Ball.unbounded(norm, dimensions: question.x.rowLength)
        guard let length = all.lengthInside(question.x, at, around: examples.inputs, row), length < distances[row]
        else { continue }
        distances[row] = length
        best.replaceRow(row, with: question.x.row(at))
      }
    }
  }

  /// The last point is asked about too. Of a random model the best point so far is asked about once more with it: both
  /// are then judged by draws that did not choose them.
  mutating func settle(between last: Tensor) throws {
    guard isRandom, case .inside = goal else {
      _ = try ask(Question(last, of: examples))
      return
    }
    let left = open(examples)
    guard !left.isEmpty else { return }
    let part = examples.rows(at: left)
    let now = try base.answer(at: last.rows(at: left), of: part, isSure: true).margins(part.criteria)
    let then = try base.answer(at: best.rows(at: left), of: part, isSure: true).margins(part.criteria)
    for (at, row) in left.enumerated() where now[at] >= then[at] { best.replaceRow(row, with: last.row(row)) }
  }

  /// Without an answer about it, the attack's own last point stands where none that was asked about is broken.
  mutating func fallBack(to last: Tensor?) {
    guard let last else { return }
    for row in isBroken.indices where !isBroken[row] { best.replaceRow(row, with: last.row(row)) }
  }
}
