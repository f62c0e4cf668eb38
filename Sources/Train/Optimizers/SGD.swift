import DitherBasics
import DitherTensor

/// Stochastic gradient descent with momentum, PyTorch's conventions: the buffer starts as the first gradient, decay is
/// added to the gradient. Nesterov: Sutskever et al. 2013.
public struct SGD: DecayingOptimizer {
  public static let name = "sgd"
  public var rate = 0.1
  /// The share of the last step that goes into the next.
  public var momentum = 0.9
  /// Whether the gradient is taken where momentum leads.
  public var nesterov = false
  /// The share of a weight that is added to its gradient.
  public var decay = 0.0
  /// Whether biases and normalizations are spared it.
  public var decaysWeightsOnly = false
  private enum CodingKeys: String, CodingKey {
    case rate, momentum, nesterov, decay
    case decaysWeightsOnly = "decay_weights_only"
  }
  public init() {}
  public func check() throws(CatalogError) {
    try require(rate: rate, decay: decay)
    try require(share: momentum, "momentum")
  }
  /// The momentum.
  public var stateCount: Int { 1 }
  public func update(_ parameter: ParameterView, rate: Double, step: Int) {
    Kernels.sgd(
      parameter.values.baseAddress, parameter.gradient.baseAddress, parameter.state[0].baseAddress,
      parameter.values.count, rate: Float(rate), momentum: Float(momentum), decay: Float(decay(of: parameter)),
      nesterov: nesterov,
      isFirst: step == 1)
  }
}
