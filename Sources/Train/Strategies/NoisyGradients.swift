import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// Noise added to gradients, drawn anew each step. Source: Neelakantan et al. 2015, arXiv 1511.06807.
///
/// A recipe may also list it under `noise`, as terms at the site `gradients`, which have the parameters of every noise.
public struct NoisyGradients: Strategy {
  public static let name = "gradient_noise"
  /// A standard deviation, in the unit of `scale`.
  public var sigma = 0.01
  /// A noise of `Catalog.noises` that adds.
  public var distribution = "gaussian"
  /// The measure of sigma, as of a term of noise.
  public var scale = NoiseTerm.Scale.absolute.rawValue
  /// A pattern of names of parameters, in which `*` stands for any letters; nil: all.
  public var layers: String?
  /// A recipe's own terms, with schedules of their own.
  private var given: NoiseModel?
  private var placed: GradientNoise?

  private enum CodingKeys: String, CodingKey { case sigma, distribution, scale, layers }

  public init() {}

  /// The terms of a model that are on gradients; nil where there are none.
  init?(_ noise: NoiseModel) {
    given = NoiseModel(noise.terms.filter { $0.site == .gradients })
    guard given?.terms.isEmpty == false else { return nil }
  }

  private func model() throws(GraphError) -> NoiseModel {
    if let given { return given }
    var keys: [String: Setting] = [
      "site": .text(NoiseSite.gradients.name), "sigma": .number(sigma), "distribution": .text(distribution),
      "scale": .text(scale),
    ]
    keys["layers"] = layers.map { .text($0) }
    return NoiseModel([try NoiseTerm(.mapping(keys), at: "its noise")])
  }

  public func check() throws(CatalogError) {
    do { _ = try model() } catch {
      throw CatalogError(
        .badValue, at: error.place, expected: error.expected, got: error.got, advice: error.advice)
    }
  }

  public mutating func start(on graph: Graph, _ task: ModelTask) throws {
    placed = try GradientNoise(model(), of: graph)
  }

  public func gradients(_ step: inout TrainingStep) {
    let position = step.position, seed = mixSeed(position.seed, 0x62AD, UInt64(position.number))
    for parameter in step.parameters {
      placed?.add(
        to: parameter.gradient, of: parameter.id, seed: seed, progress: position.progress,
        strength: Float(position.strength))
    }
  }
}
