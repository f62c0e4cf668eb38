import DitherTensor

/// Projected gradient descent, steps of `relativeStepSize` · epsilon. Source: Madry et al. 2018, arXiv 1706.06083, 2.1.
public struct PGD: Attack {
  public static let name = "pgd"
  public static let summary = "projected gradient descent from a random start"
  public var steps = 40
  public var relativeStepSize = 0.1
  public var randomStart = true
  public init() {}

  private enum CodingKeys: String, CodingKey {
    case steps
    case relativeStepSize = "relative_step_size"
    case randomStart = "random_start"
  }

  public func validate() throws(RobustnessError) {
    try require(steps, in: 1...100_000, "steps")
    try require(relativeStepSize, in: 1e-6...10, "relative_step_size")
  }

  public var reachesEverything: Bool { Double(steps) * relativeStepSize >= 1 && steps >= 10 }
  public var effort: Int { steps }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    let clean = examples.inputs
    var x = randomStart ? ball.randomPoint(around: examples, oracle.random) : clean
    for _ in 0..<steps {
      let gradient = try oracle.lossGradient(at: x, examples.criteria)
      x = ball.project(x + ball.step(relativeStepSize, along: gradient), around: clean)
    }
    return x
  }
}
