import DitherBasics
import DitherTensor

/// Adam (Kingma and Ba 2014, arXiv 1412.6980); decay is added to the gradient.
public struct Adam: AdamFamily {
  public static let name = "adam"
  static let isDecoupled = false
  public var rate = 0.001
  /// The decay of the first moment, the mean of gradients.
  public var beta1 = 0.9
  /// The decay of the second moment, the mean of their squares.
  public var beta2 = 0.999
  /// Added to the root of the second moment.
  public var epsilon = 1e-8
  /// The share of a weight that is added to its gradient.
  public var decay = 0.0
  /// Whether biases and normalizations are spared it.
  public var decaysWeightsOnly = false
  private enum CodingKeys: String, CodingKey {
    case rate, beta1, beta2, epsilon, decay
    case decaysWeightsOnly = "decay_weights_only"
  }
  public init() {}
}

/// Optimizers by the first two moments of gradients, which differ in where a weight's decay goes.
protocol AdamFamily: DecayingOptimizer {
  /// Whether decay moves the weight itself, beside the moments.
  static var isDecoupled: Bool { get }
  var beta1: Double { get }
  var beta2: Double { get }
  var epsilon: Double { get }
}

extension AdamFamily {
  public func check() throws(CatalogError) {
    try require(rate: rate, decay: decay)
    try require(share: beta1, "beta1")
    try require(share: beta2, "beta2")
    try require(epsilon > 0 && epsilon <= 1, "epsilon", "above 0, to 1", epsilon)
  }
  /// The first and the second moment.
  public var stateCount: Int { 2 }
  public func update(_ parameter: ParameterView, rate: Double, step: Int) {
    Kernels.adam(
      parameter.values.baseAddress, parameter.gradient.baseAddress, parameter.state[0].baseAddress,
      parameter.state[1].baseAddress, parameter.values.count, rate: Float(rate), beta1: Float(beta1),
      beta2: Float(beta2), epsilon: Float(epsilon), decay: Float(decay(of: parameter)), decoupled: Self.isDecoupled,
      step: step)
  }
}
