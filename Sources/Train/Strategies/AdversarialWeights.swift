import DitherBasics
import DitherTensor

/// Adversarial weight perturbation: the gradient is taken where each weight has moved by `gamma` times its norm along
/// its own gradient; biases, and the scales and shifts of normalizations, stay. Two passes a step. Its schedule is a
/// factor on gamma. Source: Wu et al. 2020, arXiv 2004.05884, section 4.3, with one step of ascent, on the batch as it
/// is.
public struct AdversarialWeights: Strategy {
  public static let name = "adversarial_weights"
  public static let runsAgain = true
  /// The length of the move, as a share of each weight's norm, 0 or more.
  public var gamma = 0.01
  public init() {}

  public func check() throws(CatalogError) { try require(gamma >= 0 && gamma.isFinite, "gamma", "0 or more", gamma) }

  public func gradients(_ step: inout TrainingStep) {
    let gamma = gamma * step.position.strength
    guard gamma > 0 else { return }
    step.runMoved { parameter in
      guard parameter.shape.rank > 1 else { return }
      func norm(_ numbers: UnsafeMutableBufferPointer<Float>) -> Double {
        numbers.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      }
      let length = norm(parameter.gradient)
      guard length > 0, length.isFinite else { return }
      let factor = Float(gamma * norm(parameter.values) / length)
      for i in parameter.values.indices { parameter.values[i] += factor * parameter.gradient[i] }
    }
  }
}
