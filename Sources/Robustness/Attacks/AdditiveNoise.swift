import DitherTensor

/// A search by noise alone: the worst of many draws from the ball. What it breaks, a gradient attack must break.
/// As foolbox's `…AdditiveUniformNoiseAttack` repeated.
public struct AdditiveNoise: Attack {
  public static let name = "additive_noise"
  public static let summary = "the worst of many random points of the ball"
  public static let takesValues = true
  public static let knowledge = Knowledge.scores

  /// The distribution of the points that are tried.
  public enum Draw: String, Codable, Sendable, CaseIterable {
    /// Uniform in the ball.
    case ball
    /// At its edge, in a uniform direction.
    case edge
  }
  /// Points that are tried for each example.
  public var repeats = 100
  /// The distribution of the points that are tried.
  public var draw = Draw.ball
  public init() {}

  public func validate() throws(RobustnessError) { try require(repeats, in: 1...1_000_000, "repeats") }
  public var effort: Int { repeats }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    var live = LiveExamples(examples)
    for _ in 0..<repeats {
      _ = live.drop(oracle)
      guard !live.isEmpty else { break }
      let random = oracle.random
      live.x =
        draw == .edge
        ? ball.edgePoint(around: live.examples, random) : ball.randomPoint(around: live.examples, random)
      _ = try oracle.answer(at: live.x, of: live.examples)
    }
    // The oracle remembers the worst.
    return live.all
  }
}
