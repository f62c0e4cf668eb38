import DitherInference
import DitherTensor

/// DeepFool: the step onto the nearest linearized boundary, again and again, a little past it.
/// Source: Moosavi-Dezfooli et al. 2016, arXiv 1511.04599, algorithm 2; l∞ after its section 3.3.
public struct DeepFool: Attack {
  public static let name = "deepfool"
  public static let summary = "steps onto the nearest linearized boundary"
  public static let norms = [Norm.l2, .linf]
  public static let isMinimumNorm = true
  /// Linearizations of the model, at most.
  public var steps = 50
  /// How far past the boundary, as a share of the perturbation.
  public var overshoot = 0.02
  /// How many of the likeliest classes are looked at.
  public var candidates = 10
  public var details: [String] { ["\(steps) steps"] }
  public init() {}

  public func validate() throws(RobustnessError) {
    try require(steps, in: 1...100_000, "steps")
    try require(overshoot, in: 0...1, "overshoot")
    try require(candidates, in: 2...10_000, "candidates")
  }
  public var reachesEverything: Bool { steps >= 20 }
  /// A gradient for each candidate of each step.
  public var effort: Int { steps * (candidates - 1) }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    var live = LiveExamples(examples)
    var order = try oracle.answer(at: examples.inputs, of: examples).aims(examples.criteria)
      .map { Array($0.prefix(candidates - 1)) }
    // The sum of the steps, without what goes past.
    var sum = Tensor(zeros: live.x.shape), isDone = [Bool](repeating: false, count: live.count)
    for _ in 0..<steps {
      if let kept = live.drop(oracle) {
        (order, isDone, sum) = (kept.map { order[$0] }, kept.map { isDone[$0] }, sum.rows(at: kept))
      }
      guard !live.isEmpty, isDone.contains(false) else { break }
      var nearest = [(length: Double, step: [Float])?](repeating: nil, count: live.count)
      for rank in 0..<(order.map(\.count).max() ?? 0) {
        let aims = order.map { $0[min(rank, $0.count - 1)] }
        let answer = try oracle.ask(
          Question(live.x, of: live.examples, loss: .difference, aims: aims, wantsGradient: true))
        if rank == 0 { isDone = zip(isDone, answer.meets(live.examples.criteria)).map { $0 || $1 } }
        guard let gradient = answer.gradient else { break }
        let past = answer.difference(live.examples.criteria, aims)
        // Where a class is wanted, the one to beat is the strongest other at each point.
        for row in 0..<live.count {
          order[row] = answer.rival(live.examples.criteria[row], row).map { [$0] } ?? order[row]
        }
        for row in 0..<live.count where !isDone[row] && past[row].isFinite && !(past[row] > 0) {
          guard let step = Self.step(gradient.row(row), Double(abs(past[row])), ball.norm) else { continue }
          if step.length < nearest[row]?.length ?? .infinity { nearest[row] = step }
        }
      }
      for (row, found) in nearest.enumerated() where !isDone[row] {
        guard let found else { continue }
        let before = sum.row(row), moved = zip(before, found.step).map { $0 + $1 }
        sum.replaceRow(row, with: moved[...])
        let past = zip(live.clean.row(row), moved).map { min(max($0 + Float(1 + overshoot) * $1, 0), 1) }
        live.x.replaceRow(row, with: past[...])
      }
    }
    return live.all
  }

  /// The shortest step by which a linear function gains so much.
  private static func step(_ w: ArraySlice<Float>, _ missing: Double, _ norm: Norm) -> (length: Double, step: [Float])?
  {
    let size = w.reduce(0.0) { $0 + (norm == .linf ? abs(Double($1)) : Double($1) * Double($1)) }
    guard size.isFinite, size > 0 else { return nil }
    // A little more than nothing, so that a point on the boundary goes past it.
    let gain = missing + 1e-4
    if norm == .linf {
      let length = gain / size
      return (length, w.map { $0 > 0 ? Float(length) : $0 < 0 ? -Float(length) : 0 })
    }
    return (gain / size.squareRoot(), w.map { Float(Double($0) * gain / size) })
  }
}
