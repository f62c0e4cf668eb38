import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import Foundation

/// The learned strengths of weight noise are moved until noise changes the gradient by a given share of it.
///
/// The rule: behind every `every` steps the batch is run again, with its draws and without noise, and the ratio ‖g −
/// g₀‖ / ‖g₀‖ of the two gradients is taken over all parameters but the strengths; all strengths then become e^`by`
/// times larger where it is below `target`, else as much smaller. Its schedule is a factor on `by`. Source: the measure
/// is the inverse of the gradient's signal-to-noise ratio, as in McCandlish et al. 2018, arXiv 1812.06162, 2.2, of one
/// draw of weight noise in the place of one batch.
public struct SigmaByGradients: Strategy {
  public static let name = "sigma_by_gradients"
  /// The ratio that is kept.
  public var target = 0.5
  /// Steps from one move to the next.
  public var every = 4
  /// The length of a move of ln σ.
  public var by = 0.1
  private var strengths = LearnedStrengths()
  private enum CodingKeys: String, CodingKey { case target, every, by }
  public init() {}

  public func check() throws(CatalogError) {
    try require(target > 0 && target <= 1e6, "target", "above 0, to 1e6", target)
    try require((1...1_000_000).contains(every), "every", "1 to 1000000", every)
    try require(by > 0 && by <= 2, "by", "above 0, to 2", by)
  }

  public mutating func start(on graph: Graph, _ task: ModelTask) throws {
    strengths = try LearnedStrengths(of: graph, for: Self.name)
  }

  public func gradients(_ step: inout TrainingStep) {
    if step.position.strength > 0 { strengths.hold(step) }
  }

  public func after(_ step: TrainingStep) {
    let move = by * step.position.strength
    guard move > 0, (step.position.number + 1) % every == 0, let ratio = ratio(step) else { return }
    strengths.multiply(by: exp(ratio < target ? move : -move), in: step)
  }

  /// nil where there is no gradient to compare with.
  package func ratio(_ step: TrainingStep) -> Double? {
    var again = step
    again.run()
    let noisy = again.parameters.map { Array($0.gradient) }
    strengths.trying(0, in: step) { again.run() }
    var apart = 0.0, size = 0.0
    for (parameter, other) in zip(again.parameters, noisy) where !strengths.contains(parameter.name) {
      for (clean, noisy) in zip(parameter.gradient, other) {
        apart += (Double(noisy) - Double(clean)) * (Double(noisy) - Double(clean))
        size += Double(clean) * Double(clean)
      }
    }
    let ratio = (apart / size).squareRoot()
    return ratio.isFinite ? ratio : nil
  }
}
