import DitherTensor

/// The standard ensemble, with the published parameters: APGD on cross-entropy, targeted APGD, FAB and Square, each on
/// what the ones before left standing. Source: Croce and Hein 2020, arXiv 2003.01690, 6; in l1 Croce and Hein 2021,
/// arXiv 2103.01208, with five tries of the first and at most five targets of the second, as their code has it.
///
/// Of a random model an example is left standing until it is broken by more than its noise explains; every member works
/// on the expected loss. (The published mode for random models averages gradients only, and counts any single miss.)
public struct AutoAttack: Attack {
  public static let name = "autoattack"
  public static let summary = "APGD-CE, targeted APGD, FAB and Square in sequence"
  /// Gradient steps of each try of APGD and FAB.
  public var steps = 100
  /// Classes to which the targeted attacks lead.
  public var targets = 9
  /// Queries of Square.
  public var queries = 5000
  public var details: [String] { ["\(steps) steps"] }
  public init() {}

  public func validate() throws(RobustnessError) {
    try require(steps, in: 1...100_000, "steps")
    try require(targets, in: 1...10_000, "targets")
    try require(queries, in: 1...10_000_000, "queries")
  }
  public var reachesEverything: Bool { steps >= 10 }
  public var effort: Int { members(.linf).reduce(0) { $0 + $1.effort } }
  /// In the norm in which there are most.
  public var questions: Int {
    Norm.allCases.map { members($0).reduce(0) { $0 + $1.questions } }.max() ?? 0
  }

  private func members(_ norm: Norm) -> [any Attack] {
    var first = APGD(), second = TargetedAPGD(), third = FAB(), fourth = Square()
    (first.steps, second.steps, third.steps, fourth.queries) = (steps, steps, steps, queries)
    (second.targets, third.targets) = (norm == .l1 ? min(targets, 5) : targets, targets)
    return [norm == .l1 ? first.restarted(5) : first, second, third, fourth]
  }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    var live = LiveExamples(examples)
    func survivors() -> Bool {
      _ = live.drop(oracle)
      return !live.isEmpty
    }
    for member in members(ball.norm) where survivors() {
      live.x = try member.perturb(live.examples, in: ball, asking: &oracle)
    }
    return live.all
  }
}
