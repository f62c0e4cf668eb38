import DitherBasics

/// Gradients longer than `norm`, taken together over all parameters, are shortened to it. Its schedule divides the
/// norm. Source: Pascanu et al. 2013, arXiv 1211.5063, algorithm 1.
public struct GradientClipping: Strategy {
  public static let name = "gradient_clipping"
  /// The largest Euclidean norm, above 0.
  public var norm = 1.0
  public init() {}

  public func check() throws(CatalogError) { try require(norm > 0 && norm.isFinite, "norm", "above 0", norm) }

  public func gradients(_ step: inout TrainingStep) {
    let found = step.gradientNorm, longest = norm / step.position.strength
    guard found > longest else { return }
    let factor = Float(longest / found)
    for parameter in step.parameters {
      for i in parameter.gradient.indices { parameter.gradient[i] *= factor }
    }
  }
}
