import DitherInference
import DitherTensor

/// Auto-PGD on the targeted DLR loss, towards each of the likeliest wrong classes in turn. Source: Croce and Hein 2020,
/// arXiv 2003.01690, 6 (nine classes, 100 steps). Towards a class that is given there are no classes to choose: it
/// climbs on DLR against the strongest other, which changes on the way, and then on cross-entropy with what is left.
public struct TargetedAPGD: Attack {
  public static let name = "apgd_t"
  public static let summary = "APGD towards each of the likeliest wrong classes"
  /// Gradient steps for each class.
  public var steps = 100
  /// How many wrong classes, at most all of them.
  public var targets = 9
  public var details: [String] { ["\(steps) steps"] }
  public init() {}

  public func validate() throws(RobustnessError) {
    try require(steps, in: 1...100_000, "steps")
    try require(targets, in: 1...10_000, "targets")
  }
  public var reachesEverything: Bool { steps >= 10 }
  public var effort: Int { steps * targets }
  public var questions: Int { SparseAscent.questions(steps: steps) * targets + 2 }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    var live = LiveExamples(examples)
    if examples.criteria.contains(where: \.isTargeted) {
      // A rival that was chosen at the clean input is overcome, and a third class wins.
      for loss in [Loss.dlr, .crossEntropy].prefix(targets) {
        _ = live.drop(oracle)
        guard !live.isEmpty else { break }
        live.x = try APGD.climb(live.examples, [], steps: steps, loss: loss, in: ball, asking: &oracle)
      }
      return live.all
    }
    var order = try oracle.answer(at: examples.inputs, of: examples).aims(examples.criteria)
    for rank in 0..<min(targets, order.map(\.count).max() ?? 0) {
      if let kept = live.drop(oracle) { order = kept.map { order[$0] } }
      guard !live.isEmpty else { break }
      live.x = try APGD.climb(
        live.examples, order.map { $0[min(rank, $0.count - 1)] }, steps: steps, loss: .targetedDLR, in: ball,
        asking: &oracle)
    }
    return live.all
  }
}

extension Answer {
  /// [B]: the second classes for losses that need one, likeliest first: all that an example may end in, or, where the
  /// criterion names the class to end in, the strongest of the others.
  func aims(_ criteria: [Criterion]) -> [[Int]] {
    criteria.enumerated().map { row, criterion in
      let scores = scores.row(row), start = scores.startIndex
      let others = (0..<scores.count).filter { $0 != criterion.label }
        .sorted { (scores[start + $1], $0) < (scores[start + $0], $1) }
      guard let first = others.first else { return [criterion.label] }
      if case .targeted = criterion { return [first] }
      return others
    }
  }
}
