import DitherTensor

/// Iterated FGSM along a running sum of gradients, each of unit l1 length: it leaves poor local maxima and transfers
/// better. Source: Dong et al. 2018, arXiv 1710.06081, algorithm 1 (steps of epsilon / steps, decay 1).
public struct MIFGSM: Attack {
  public static let name = "mi_fgsm"
  public static let summary = "iterated gradient steps with momentum"
  public static let takesValues = true
  /// Gradient steps.
  public var steps = 10
  /// The share of the sum that is kept at each step.
  public var decay = 1.0
  public var details: [String] { ["\(steps) steps"] }
  public init() {}

  public func validate() throws(RobustnessError) {
    try require(steps, in: 1...100_000, "steps")
    try require(decay, in: 0...10, "decay")
  }
  public var reachesEverything: Bool { steps >= 10 }
  public var effort: Int { steps }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    var live = LiveExamples(examples), momentum = Tensor(zeros: examples.inputs.shape)
    for _ in 0..<steps {
      if let kept = live.drop(oracle) { momentum = momentum.rows(at: kept) }
      guard !live.isEmpty else { break }
      var gradient = try oracle.lossGradient(at: live.x, of: live.examples)
      gradient.scaleRows { row in 1 / max(Norm.l1.length(row), .leastNormalMagnitude) }
      momentum = momentum.zip(gradient) { Float(decay) * ($0.isFinite ? $0 : 0) + ($1.isFinite ? $1 : 0) }
      live.x = ball.climb(from: live.x, 1 / Double(steps), along: momentum, around: live.clean)
    }
    return live.all
  }
}
