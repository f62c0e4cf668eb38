import DitherTensor

/// FGSM from a random corner: a step of `randomShare` · epsilon along the signs of noise, then the rest along the
/// gradient, so that a kink of the loss at the clean input does not hide what is beyond it. Source: Tramèr et al. 2018,
/// arXiv 1705.07204, 3.4 (there with half of epsilon).
public struct RFGSM: Attack {
  public static let name = "r_fgsm"
  public static let summary = "a random step, then one gradient step to the edge of the ball"
  public static let takesValues = true
  /// The random part of epsilon.
  public var randomShare = 0.5
  public init() {}

  private enum CodingKeys: String, CodingKey {
    case randomShare = "random_share"
  }
  public func validate() throws(RobustnessError) { try require(randomShare, in: 0...1, "random_share") }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    let clean = examples.inputs, random = oracle.random
    let noise = examples.normals(at: random)
    let start = ball.climb(from: clean, randomShare, along: noise, around: clean)
    let gradient = try oracle.lossGradient(at: start, of: examples)
    return ball.climb(from: start, 1 - randomShare, along: gradient, around: clean)
  }
}
