import DitherTensor

/// The fast gradient sign method: one step to the edge of the ball, in l1 to where a linear model is worst. Source:
/// Goodfellow et al. 2015, arXiv 1412.6572, 4.
public struct FGSM: Attack {
  public static let name = "fgsm"
  public static let summary = "one gradient step to the edge of the ball"
  public static let takesValues = true
  public init() {}

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    let clean = examples.inputs, gradient = try oracle.lossGradient(at: clean, of: examples)
    return ball.norm == .l1
      ? ball.farthest(along: gradient, from: clean) : ball.climb(from: clean, 1, along: gradient, around: clean)
  }
}
