import DitherTensor
import Foundation

/// Projected gradient descent, steps of `relativeStepSize` · epsilon. Source: Madry et al. 2018, arXiv 1706.06083, 2.1;
/// in l1 with SLIDE's steps (Tramèr and Boneh 2019, arXiv 1904.13000).
public struct PGD: Attack {
  public static let name = "pgd"
  public static let summary = "projected gradient descent from a random start"
  public static let takesValues = true

  /// How steps shrink on the way.
  public enum Schedule: String, Codable, Sendable, CaseIterable {
    case constant, linear, cosine

    func factor(_ step: Int, of steps: Int) -> Double {
      let progress = Double(step) / Double(steps)
      switch self {
      case .constant: return 1
      case .linear: return 1 - progress
      case .cosine: return (1 + cos(.pi * progress)) / 2
      }
    }
  }

  /// Gradient steps.
  public var steps = 40
  /// The length of a step, in units of epsilon.
  public var relativeStepSize = 0.1
  /// Whether it begins at a random point of the ball.
  public var randomStart = true
  /// How the length of a step changes on the way.
  public var schedule = Schedule.constant
  public var details: [String] { ["\(steps) steps"] }
  public init() {}

  private enum CodingKeys: String, CodingKey {
    case steps
    case relativeStepSize = "relative_step_size"
    case randomStart = "random_start"
    case schedule
  }

  public func validate() throws(RobustnessError) {
    try require(steps, in: 1...100_000, "steps")
    try require(relativeStepSize, in: 1e-6...10, "relative_step_size")
  }

  public var reachesEverything: Bool {
    let way = (0..<steps).reduce(0) { $0 + relativeStepSize * schedule.factor($1, of: steps) }
    // Ten times 0.1 is a little less than 1.
    return way > 1 - 1e-9 && steps >= 8
  }
  public var effort: Int { steps }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    var live = LiveExamples(examples, from: randomStart ? ball.startPoint(around: examples, oracle.random) : nil)
    for step in 0..<steps {
      _ = live.drop(oracle)
      guard !live.isEmpty else { break }
      let gradient = try oracle.lossGradient(at: live.x, of: live.examples)
      live.x = ball.climb(
        from: live.x, relativeStepSize * schedule.factor(step, of: steps), along: gradient, around: live.clean)
    }
    return live.all
  }
}
