import DitherBasics

/// Adaptive sharpness-aware minimization: as ``SAM``, with a radius that is measured by the parameters themselves, so
/// that scaling a layer changes nothing. The step is rho · T² g / ‖T g‖ with T = |w| + eta. Source: Kwon et al. 2021,
/// arXiv 2102.11600, algorithm 1.
public struct ASAM: Strategy {
  public static let name = "asam"
  public static let runsAgain = true
  /// The radius in units of the parameters, 0 or more.
  public var rho = 0.5
  /// Added to |w|, 0 or more.
  public var eta = 0.01
  public init() {}

  public func check() throws(CatalogError) {
    try require(rho >= 0 && rho.isFinite, "rho", "0 or more", rho)
    try require(eta >= 0 && eta.isFinite, "eta", "0 or more", eta)
  }

  public func gradients(_ step: inout TrainingStep) {
    let radius = rho * step.position.strength, eta = Float(eta)
    let norm = step.parameters.reduce(0.0) { sum, parameter in
      zip(parameter.values, parameter.gradient).reduce(sum) {
        $0 + Double((abs($1.0) + eta) * $1.1) * Double((abs($1.0) + eta) * $1.1)
      }
    }.squareRoot()
    guard radius > 0, norm > 0, norm.isFinite else { return }
    let factor = Float(radius / norm)
    step.runMoved { parameter in
      for i in parameter.values.indices {
        let scale = abs(parameter.values[i]) + eta
        parameter.values[i] += factor * scale * scale * parameter.gradient[i]
      }
    }
  }
}
