import DitherBasics
import DitherTensor

/// Stochastic gradient Langevin dynamics: draws from the posterior exp(−N · (loss + decay / 2 · w²) / temperature) of N
/// examples, w −= rate · (gradient + decay · w) − √(2 · rate · temperature / N) · N(0, 1). Source: Welling and Teh,
/// ICML 2011, equation 4, with ε = 2 · rate / N. With schedule `cyclical` it is cSGLD (Zhang et al. 2020, arXiv
/// 1902.03932).
public struct SGLD: DecayingOptimizer {
  public static let name = "sgld"
  public var rate = 0.1
  /// 1: the posterior; below it is colder, at 0 there is no noise.
  public var temperature = 1.0
  /// There is noise where the scheduled rate is at most this share of `rate`: below 1, a cycle first descends.
  public var noiseBelow = 1.0
  /// The precision of a Gaussian prior, by example.
  public var decay = 0.0
  /// Whether biases and normalizations are spared it.
  public var decaysWeightsOnly = false
  private enum CodingKeys: String, CodingKey {
    case rate, temperature, decay
    case noiseBelow = "noise_below"
    case decaysWeightsOnly = "decay_weights_only"
  }
  public init() {}

  public func check() throws(CatalogError) {
    try require(rate: rate, decay: decay)
    try require((0...1e6).contains(temperature), "temperature", "0 to 1e6", temperature)
    try require((0...1).contains(noiseBelow), "noise_below", "0 to 1", noiseBelow)
  }
  public var stateCount: Int { 0 }
  public func update(_ parameter: ParameterView, rate: Double, step: Int) {
    let decay = Float(decay(of: parameter)), step = Float(rate)
    for i in parameter.values.indices {
      parameter.values[i] -= step * (parameter.gradient[i] + decay * parameter.values[i])
    }
    guard rate <= noiseBelow * self.rate, let base = parameter.values.baseAddress else { return }
    let deviation = (2 * rate * temperature / Double(parameter.examples)).squareRoot()
    parameter.address.addNormals(times: Float(deviation), to: base, into: parameter.values)
  }
}
