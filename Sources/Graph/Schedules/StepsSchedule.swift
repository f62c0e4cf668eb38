import DitherBasics
import Foundation

/// Times `gamma` at each of the `milestones`, behind a rise in a line over the first `warmup` share. He et al. 2015,
/// arXiv 1512.03385, section 3.4, with a tenth.
public struct StepsSchedule: Schedule {
  public static let name = "steps"
  /// The share of the training in which the factor rises from 0.
  public var warmup = 0.0
  /// Shares of what is behind the warm-up, at most 64.
  public var milestones = [0.5, 0.75]
  /// The factor of each step.
  public var gamma = 0.1
  public init() {}
  public func check() throws(CatalogError) {
    try require((0...1).contains(warmup), "warmup", "0 to 1", warmup)
    try require(
      milestones.count <= 64 && milestones.allSatisfy { (0...1).contains($0) }, "milestones", "at most 64 of 0 to 1",
      milestones)
    try require(gamma >= 0 && gamma <= 1, "gamma", "0 to 1", gamma)
  }
  public func factor(at progress: Double) -> Double {
    rising(over: warmup, progress) { rest in pow(gamma, Double(milestones.count { $0 <= rest })) }
  }
}
