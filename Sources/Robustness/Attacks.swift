import DitherBasics
import DitherTensor

/// Looks inside a ball for inputs on which the model fails.
public protocol Attack: Codable, Sendable {
  /// Its name in batteries, reports and `--help`, as the field writes it.
  static var name: String { get }
  /// One line for `--help`.
  static var summary: String { get }
  /// The part of the model that it may see.
  static var knowledge: Knowledge { get }
  /// The norms in which it can measure.
  static var norms: [Norm] { get }
  /// Whether it can lead an example to a class, and not only away from its own.
  static var canTarget: Bool { get }
  /// Whether it can lead a regression's values away from the true ones: it follows losses and margins, and asks for no
  /// class.
  static var takesValues: Bool { get }
  /// - Throws: when a parameter is of classes alone, by its name; asked of an attack that takes values before it runs.
  func checkForValues() throws(RobustnessError)
  /// Whether it looks for the nearest input on which the model fails, and not only inside a ball.
  static var isMinimumNorm: Bool { get }
  init()
  /// - Throws: when a parameter is out of its range, by its name.
  func validate() throws(RobustnessError)
  /// Whether, given a ball without bounds, it must succeed on every example of a model that it can differentiate. Where
  /// it does not, gradients are masked.
  var reachesEverything: Bool { get }
  /// Words that tell it from others of its name, for a chart's axis: `20 steps`.
  var details: [String] { get }
  /// How hard it tries, to compare attacks of one name: gradient steps or queries. More must never help the model.
  var effort: Int { get }
  /// Questions about one example, at most: by default one for each unit of effort, and those before and after.
  var questions: Int { get }

  /// - Parameters:
  ///   - examples: inputs in [0, 1], shape [B, …], each with the criterion to meet.
  ///   - ball: norm and epsilon, in units of the input; for an attack of minimum norm all inputs.
  ///   - oracle: all that the attacker may ask, randomness included; it counts every question.
  /// - Returns: one input per example. `run`, which calls this, projects, checks and counts again.
  /// - Throws: what the oracle throws: the budget is spent, the deadline has passed.
  func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor
}

/// The part of a model that an attacker may see.
public enum Knowledge: String, Codable, Sendable {
  /// Gradients, through the noise.
  case gradients
  /// Probabilities.
  case scores
  /// The class.
  case decisions
}

extension Catalog where Entry == any Attack.Type {
  /// All attacks, in the order in which they are listed.
  public static let attacks = Catalog(
    "attack",
    [
      FGSM.self, RFGSM.self, MIFGSM.self, PGD.self, APGD.self, TargetedAPGD.self, FAB.self, DeepFool.self,
      CarliniWagner.self, Square.self, HopSkipJump.self, AdditiveNoise.self, AutoAttack.self,
    ], name: { $0.name })
}

/// An attack's finds.
public struct AttackResult: Sendable {
  /// [B, …]: the best points.
  public var points: Tensor
  /// [B]: the lengths of the perturbations that the oracle saw meet their criterion; infinite where none did.
  public var distances: [Double]
  /// Means over the examples of the best margin so far, one for each question: the curve of the attack's progress.
  public var trace: [Float]
}

extension Attack {
  public static var knowledge: Knowledge { .gradients }
  public static var norms: [Norm] { Norm.allCases }
  public static var isMinimumNorm: Bool { false }
  public static var canTarget: Bool { true }
  public static var takesValues: Bool { false }
  public func validate() throws(RobustnessError) {}
  public func checkForValues() throws(RobustnessError) {}
  public var reachesEverything: Bool { false }
  public var effort: Int { 1 }
  public var questions: Int { effort + 2 }
  public var details: [String] { [] }

  /// The best that the attack finds: of all points that it asked about and of the one that it returns, those that meet
  /// their criterion, then those farthest towards it. A point that random draws favored once is no more than
  /// that: it must win by more than the draws explain, or again on fresh ones.
  ///
  /// - Returns: [B, …], inside the ball, for any answers of the oracle. When the budget is spent, the best so far.
  /// - Throws: when the time is over, or the oracle fails.
  public func run<Asked: Oracle>(on examples: Examples, in ball: Ball, asking oracle: inout Asked) throws -> Tensor {
    try search(examples, in: ball, asking: &oracle).points
  }

  /// As `run`, with what was learned on the way.
  public func search<Asked: Oracle>(
    _ examples: Examples, in ball: Ball, asking oracle: inout Asked
  ) throws -> AttackResult {
    try search(examples, ball, .inside(ball), &oracle)
  }

  /// The nearest points on which the model fails; where none is found the inputs themselves, of a random model the
  /// points farthest towards it.
  public func nearest<Asked: Oracle>(to examples: Examples, in norm: Norm, asking oracle: inout Asked) throws
    -> AttackResult
  {
    let everything = Ball.unbounded(norm, dimensions: examples.inputs.rowLength)
    return try search(examples, everything, .nearest(norm), &oracle)
  }

  private func search<Asked: Oracle>(
    _ examples: Examples, _ ball: Ball, _ goal: RecordingOracle<Asked>.Goal, _ oracle: inout Asked
  ) throws -> AttackResult {
    guard examples.count > 0 else { return AttackResult(points: examples.inputs, distances: [], trace: []) }
    oracle.redraw()
    var recorder = RecordingOracle(oracle, examples, goal)
    defer { oracle = recorder.base }
    var last: Tensor?
    do {
      last = ball.project(try perturb(examples, in: ball, asking: &recorder), around: examples.inputs)
      try recorder.settle(between: last ?? examples.inputs)
    } catch let error as RobustnessError where error.code == .budgetSpent {
      // Finds within the budget count.
      if case .inside = goal { recorder.fallBack(to: last) }
    }
    return AttackResult(
      points: ball.project(recorder.best, around: examples.inputs), distances: recorder.distances,
      trace: recorder.trace)
  }

  /// The same attack, tried so many times; each example keeps its best.
  public func restarted(_ restarts: Int) -> Restarted<Self> { Restarted(self, restarts) }
}

/// An attack tried several times: its random starts differ. Examples on which it has succeeded are left out of later
/// tries.
public struct Restarted<Base: Attack>: Attack {
  public static var name: String { Base.name }
  public static var summary: String { Base.summary }
  public static var knowledge: Knowledge { Base.knowledge }
  public static var norms: [Norm] { Base.norms }
  public static var isMinimumNorm: Bool { Base.isMinimumNorm }
  public static var canTarget: Bool { Base.canTarget }
  public static var takesValues: Bool { Base.takesValues }
  /// The attack that is made again.
  public var base = Base()
  /// How often it is made, from other random starts.
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
  public func checkForValues() throws(RobustnessError) { try base.checkForValues() }
  public var reachesEverything: Bool { base.reachesEverything }
  public var effort: Int { base.effort * restarts }
  public var questions: Int { (base.questions + 1) * restarts + 1 }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    var best = examples.inputs, bestMargin = [Float](repeating: -.infinity, count: examples.count)
    for _ in 0..<restarts {
      let open = oracle.open(examples)
      guard !open.isEmpty else { break }
      let part = examples.rows(at: open)
      let found = try base.run(on: part, in: ball, asking: &oracle)
      let answer = try oracle.answer(at: found, of: part), margins = answer.margins(part.criteria)
      for (at, row) in open.enumerated() where margins[at] > bestMargin[row] {
        bestMargin[row] = margins[at]
        best.replaceRow(row, with: found.row(at))
      }
    }
    return best
  }
}
