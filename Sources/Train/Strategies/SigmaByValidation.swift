import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import Foundation

/// The learned strengths of weight noise are moved by the validation part, and not by the gradient of the training's
/// loss, which alone would lower them to nothing.
///
/// The rule: behind every `every` steps a batch of the validation part is asked twice, with all strengths e^`by` times
/// smaller and as much larger, each time through the same `draws` draws of noise; all strengths move by that factor to
/// the side where −ln of the mean likelihood over the draws is lower. Its schedule is a factor on `by`. Source: the
/// sign of a paired difference, as in stochastic approximation with common random numbers (Kiefer and Wolfowitz 1952).
public struct SigmaByValidation: Strategy {
  public static let name = "sigma_by_validation"
  public static let needsValidation = true
  /// Steps from one move to the next.
  public var every = 4
  /// The length of a move of ln σ.
  public var by = 0.1
  /// Draws of each side.
  public var draws = 8
  private var strengths = LearnedStrengths()
  private enum CodingKeys: String, CodingKey { case every, by, draws }
  public init() {}

  public func check() throws(CatalogError) {
    try require((1...1_000_000).contains(every), "every", "1 to 1000000", every)
    try require(by > 0 && by <= 2, "by", "above 0, to 2", by)
    try require((1...256).contains(draws), "draws", "1 to 256", draws)
  }

  public mutating func start(on graph: Graph, _ task: ModelTask) throws {
    strengths = try LearnedStrengths(of: graph, for: Self.name)
  }

  public func gradients(_ step: inout TrainingStep) {
    if step.position.strength > 0 { strengths.hold(step) }
  }

  public func after(_ step: TrainingStep) throws {
    let position = step.position, move = by * position.strength
    guard move > 0, (position.number + 1) % every == 0, let batch = step.heldOut(position.number / every) else {
      return
    }
    var lower = 0.0, upper = 0.0
    strengths.trying(exp(-move), in: step) { lower = loss(of: batch, step) }
    strengths.trying(exp(move), in: step) { upper = loss(of: batch, step) }
    guard lower.isFinite || upper.isFinite, lower != upper else { return }
    strengths.multiply(by: exp(upper < lower ? move : -move), in: step)
  }

  /// −ln of the mean over the draws of exp(−the objective), summed over the batch.
  private func loss(of batch: Batch, _ step: TrainingStep) -> Double {
    let position = step.position
    let values = (0..<draws).map { draw in
      step.values(of: batch, seed: mixSeed(position.seed, 0x5161, UInt64(position.number), UInt64(draw)))
    }
    return (values.first ?? []).indices.reduce(0.0) { sum, row in
      let found = values.map { Double($0[row]) }, least = found.min() ?? 0
      return sum + least - log(found.reduce(0) { $0 + exp(least - $1) } / Double(draws))
    }
  }
}
