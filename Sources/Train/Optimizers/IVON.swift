import DitherBasics
import DitherTensor

/// Improved variational online Newton: a Gaussian posterior N(m, 1 / (λ (h + δ))) of every weight, λ the number of
/// examples and δ the decay, whose precision h comes of the gradients themselves at the one draw of a step. One pass,
/// no second set of gradients. The model is served with noise of these deviations on its weights. Source: Shen et al.
/// 2024, arXiv 2402.17641, algorithm 1.
public struct IVON: DecayingOptimizer {
  public static let name = "ivon"
  public static let hasPosterior = true
  /// Times h₀ + δ: a step along a gradient is at first as long as SGD's.
  public var rate = 0.1
  /// The decay of the mean of gradients.
  public var beta1 = 0.9
  /// The decay of h, which must be slow where gradients are far from 0: h is found at one draw a step.
  public var beta2 = 0.99999
  /// The value h₀ that h begins at.
  public var hessian = 1.0
  /// δ: the precision of a Gaussian prior, by example.
  public var decay = 1e-4
  /// Whether biases and normalizations are spared it.
  public var decaysWeightsOnly = false
  /// λ; nil: the examples of the training.
  public var effectiveExamples: Double?
  private enum CodingKeys: String, CodingKey {
    case rate, beta1, beta2, hessian, decay
    case decaysWeightsOnly = "decay_weights_only"
    case effectiveExamples = "effective_examples"
  }
  public init() {}

  public func check() throws(CatalogError) {
    try require(rate: rate, decay: decay)
    try require(share: beta1, "beta1")
    try require(share: beta2, "beta2")
    try require(hessian > 0 && hessian <= 1e6, "hessian", "above 0, to 1e6", hessian)
    try require(
      effectiveExamples.map { $0 >= 1 && $0 <= 1e15 } ?? true, "effective_examples", "1 to 1e15",
      effectiveExamples ?? 0)
  }
  /// The mean of gradients, h, and m during a pass.
  public var stateCount: Int { 3 }

  private func lambda(_ parameter: ParameterView) -> Float {
    Float(effectiveExamples ?? Double(parameter.examples))
  }

  public func prepare(_ parameter: ParameterView, step: Int) {
    let h = parameter.state[1], mean = parameter.state[2], lambda = lambda(parameter)
    let delta = Float(decay(of: parameter))
    if step == 1 { h.update(repeating: Float(hessian)) }
    _ = mean.update(fromContentsOf: parameter.values)
    parameter.address.normals(parameter.values)
    for i in mean.indices {
      parameter.values[i] = mean[i] + parameter.values[i] / (lambda * (h[i] + delta)).squareRoot()
    }
  }

  public func update(_ parameter: ParameterView, rate: Double, step: Int) {
    let average = parameter.state[0], h = parameter.state[1], mean = parameter.state[2], lambda = lambda(parameter)
    let delta = Float(decay(of: parameter)), beta1 = Float(beta1), beta2 = Float(beta2), left = 1 - beta2
    let rate = Float(rate) * (Float(hessian) + delta), debias = 1 / (1 - power(beta1, step))
    for i in parameter.values.indices {
      let gradient = parameter.gradient[i], precision = h[i] + delta
      // Stein's estimate of the second derivative, at the draw.
      let found = lambda * (parameter.values[i] - mean[i]) * gradient * precision
      average[i] = beta1 * average[i] + (1 - beta1) * gradient
      // The last part keeps h + δ above 0: it is at least half of what it was.
      let miss = h[i] - found
      let next = beta2 * h[i] + left * found + 0.5 * left * left * miss * miss / precision
      h[i] = max(next, .leastNormalMagnitude - delta)
      parameter.values[i] = mean[i] - rate * (debias * average[i] + delta * mean[i]) / (h[i] + delta)
    }
  }

  public func deviations(of parameter: ParameterView) -> [Float] {
    let lambda = lambda(parameter), delta = Float(decay(of: parameter))
    return parameter.state[1].map { h in 1 / (lambda * ((h + delta > 0 ? h : Float(hessian)) + delta)).squareRoot() }
  }

  private func power(_ base: Float, _ exponent: Int) -> Float {
    var result = 1.0, factor = Double(base), left = exponent
    while left > 0 {
      if left & 1 == 1 { result *= factor }
      factor *= factor
      left >>= 1
    }
    return Float(result)
  }
}
