import DitherBasics

/// Sharpness-aware minimization: the gradient is taken where the loss is highest, to first order, within `rho` of the
/// parameters. Two passes a step. Its schedule is a factor on rho. Source: Foret et al. 2021, arXiv 2010.01412,
/// algorithm 1.
public struct SAM: Strategy {
  public static let name = "sam"
  public static let runsAgain = true
  /// The Euclidean radius over all parameters, 0 or more.
  public var rho = 0.05
  public init() {}

  public func check() throws(CatalogError) { try require(rho >= 0 && rho.isFinite, "rho", "0 or more", rho) }

  public func gradients(_ step: inout TrainingStep) {
    let radius = rho * step.position.strength, norm = step.gradientNorm
    guard radius > 0, norm > 0, norm.isFinite else { return }
    let factor = Float(radius / norm)
    step.runMoved { parameter in
      for i in parameter.values.indices { parameter.values[i] += factor * parameter.gradient[i] }
    }
  }
}
