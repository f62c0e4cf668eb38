import CKernels

/// Stochastic gradient descent with momentum, PyTorch's conventions: the buffer starts as the first gradient, decay is
/// added to the gradient. Nesterov: Sutskever et al. 2013.
public struct SGD: Optimizer {
  public static let name = "sgd"
  public var rate = 0.1
  public var momentum = 0.9
  public var nesterov = false
  public var decay = 0.0
  public init() {}
  /// The momentum.
  public var stateCount: Int { 1 }
  public func update(_ parameter: ParameterView, rate: Double, step: Int) {
    dk_sgd(
      parameter.values.baseAddress, parameter.gradient.baseAddress, parameter.state[0].baseAddress,
      parameter.values.count, Float(rate), Float(momentum), Float(decay), nesterov ? 1 : 0, step == 1 ? 1 : 0)
  }
}
