import DitherBasics
import DitherTensor

/// ``SGLD`` with steps and noise by RMSprop's measure: with G = 1 / (epsilon + √v), v the running mean of squared
/// gradients, w −= rate · G · (gradient + decay · w) − √(2 · rate · G · temperature / N) · N(0, 1). Source: Li et al.
/// 2016, arXiv 1512.07666, algorithm 1, without its term Γ, as there.
public struct PreconditionedSGLD: DecayingOptimizer {
  public static let name = "psgld"
  public var rate = 0.001
  /// As of ``SGLD``.
  public var temperature = 1.0
  /// The decay of the mean of squares.
  public var alpha = 0.99
  /// Added to the root.
  public var epsilon = 1e-5
  /// As of ``SGLD``.
  public var decay = 0.0
  /// Whether biases and normalizations are spared it.
  public var decaysWeightsOnly = false
  private enum CodingKeys: String, CodingKey {
    case rate, temperature, alpha, epsilon, decay
    case decaysWeightsOnly = "decay_weights_only"
  }
  public init() {}

  public func check() throws(CatalogError) {
    try require(rate: rate, decay: decay)
    try require((0...1e6).contains(temperature), "temperature", "0 to 1e6", temperature)
    try require(share: alpha, "alpha")
    try require(epsilon > 0 && epsilon <= 1, "epsilon", "above 0, to 1", epsilon)
  }
  /// The mean of squares.
  public var stateCount: Int { 1 }
  public func update(_ parameter: ParameterView, rate: Double, step: Int) {
    let decay = Float(decay(of: parameter)), alpha = Float(alpha), epsilon = Float(epsilon),
      squares = parameter.state[0]
    let noise = Float((2 * rate * temperature / Double(parameter.examples)).squareRoot()), rate = Float(rate)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: parameter.values.count) { draws in
      parameter.address.normals(draws)
      for i in parameter.values.indices {
        let gradient = parameter.gradient[i] + decay * parameter.values[i]
        squares[i] = alpha * squares[i] + (1 - alpha) * gradient * gradient
        let measure = 1 / (epsilon + squares[i].squareRoot())
        parameter.values[i] += noise * measure.squareRoot() * draws[i] - rate * measure * gradient
      }
    }
  }
}
