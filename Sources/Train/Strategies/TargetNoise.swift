import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// N(0, sigma²) added to the targets of a regression, drawn anew each step; sigma is in units of the standard deviation
/// of the training's targets. Of a linear model it changes neither the minimum nor, in expectation, the gradient.
/// Source: An 1996, Neural Computation 8(3), 643-674, on output noise.
public struct TargetNoise: Strategy {
  public static let name = "target_noise"
  public static let changesExamples = true
  /// 0 or more.
  public var sigma = 0.1
  public init() {}

  public func check() throws(CatalogError) {
    try require(sigma >= 0 && sigma <= 1e6, "sigma", "0 to 1e6", sigma)
  }

  public mutating func start(on graph: Graph, _ task: ModelTask) throws {
    guard task.isRegression else {
      throw TrainError(
        .recipe, at: "strategy '\(Self.name)'", expected: "values, as with objective \(SquaredError.name)",
        got: "the task \(task.kind.rawValue), with classes", advice: "for classes there is '\(LabelNoise.name)'")
    }
  }

  public func prepare(_ batch: inout Batch, at position: StepPosition) {
    let sigma = Float(sigma * position.strength)
    guard sigma > 0, case .values(let values) = batch.targets else { return }
    let address = NoiseAddress(seed: mixSeed(position.seed, 0x7A26, UInt64(position.number)))
    batch.targets = .values(values.zip(Tensor(values.shape, address.normals(values.shape.count))) { $0 + sigma * $1 })
  }
}
