import DitherBasics
import DitherTensor

/// Looks inside a ball for inputs on which the model fails.
public protocol Attack: Codable, Sendable {
  /// Its name in batteries, reports and `--help`, as the field writes it.
  static var name: String { get }
  /// One line for `--help`.
  static var summary: String { get }
  init()
  /// - Throws: when a parameter is out of its range, by its name.
  func validate() throws(RobustnessError)
  /// Whether, given a ball without bounds, it must succeed on every example of a model that it can differentiate. Where it
  /// does not, gradients are masked.
  var reachesEverything: Bool { get }
  /// How hard it tries, to compare attacks of one kind: gradient steps. More must never help the model.
  var effort: Int { get }

  /// - Parameters:
  ///   - examples: inputs in [0, 1], shape [B, …], each with the criterion to meet.
  ///   - ball: norm and epsilon, in units of the input.
  ///   - oracle: all that the attacker may ask, randomness included; it counts every question.
  /// - Returns: one input per example. `run`, which calls this, projects, checks and counts again.
  /// - Throws: what the oracle throws: the budget is spent, the deadline has passed.
  func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor
}

extension Catalog where Entry == any Attack.Type {
  public static let attacks = Catalog("attack", [FGSM.self, PGD.self], name: { $0.name })
}

extension Attack {
  public func validate() throws(RobustnessError) {}
  public var reachesEverything: Bool { false }
  public var effort: Int { 1 }

  /// The best that the attack finds: of all points that it asked about and of the one that it returns, those that meet
  /// their criterion, then those farthest towards it. A point that random draws favoured once is no more than
  /// that: it must win again on fresh draws.
  ///
  /// - Returns: [B, …], inside the ball, for any answers of the oracle. When the budget is spent, the best so far.
  /// - Throws: when the time is over, or the oracle fails.
  public func run<Asked: Oracle>(
    on examples: Examples, in ball: Ball, asking oracle: inout Asked
  ) throws -> Tensor {
    guard examples.count > 0 else { return examples.inputs }
    var recorder = RecordingOracle(oracle, examples, ball)
    defer { oracle = recorder.base }
    var last: Tensor?
    do {
      last = ball.project(try perturb(examples, in: ball, asking: &recorder), around: examples.inputs)
      try recorder.settle(between: last ?? examples.inputs)
    } catch let error as RobustnessError where error.code == .budgetSpent {
      // What was found within the budget counts.
      recorder.fallBack(to: last)
    }
    return ball.project(recorder.best, around: examples.inputs)
  }

  /// The same attack, tried so many times; each example keeps its best.
  public func restarted(_ restarts: Int) -> Restarted<Self> { Restarted(self, restarts) }
}

/// An attack tried several times: its random starts differ. Examples on which it has succeeded are left out of later
/// tries; of a random model none is, for success on some draws is not yet success.
public struct Restarted<Base: Attack>: Attack {
  public static var name: String { Base.name }
  public static var summary: String { Base.summary }
  public var base = Base()
  public var restarts = 1
  public init() {}

  init(_ base: Base, _ restarts: Int) {
    self.base = base
    self.restarts = restarts
  }

  public func validate() throws(RobustnessError) {
    try base.validate()
    try require(restarts, in: 1...10_000, "restarts")
  }
  public var reachesEverything: Bool { base.reachesEverything }
  public var effort: Int { base.effort * restarts }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    var best = examples.inputs, bestMargin = [Float](repeating: -.infinity, count: examples.count)
    var open = Array(0..<examples.count)
    for _ in 0..<restarts where !open.isEmpty {
      let part = examples.rows(at: open)
      let found = try base.run(on: part, in: ball, asking: &oracle)
      let answer = try oracle.answer(at: found, part.criteria)
      let met = answer.meets(part.criteria), margins = answer.margins(part.criteria)
      for (at, row) in open.enumerated() where margins[at] > bestMargin[row] || (met[at] && !oracle.isRandom) {
        bestMargin[row] = margins[at]
        best.replaceRow(row, with: found.row(at))
      }
      if !oracle.isRandom { open = zip(open, met).filter { !$0.1 }.map(\.0) }
    }
    return best
  }
}
