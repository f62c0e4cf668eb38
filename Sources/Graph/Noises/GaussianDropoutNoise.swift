import DitherBasics
import DitherTensor

/// Multiplies by N(1, rate / (1 − rate)), which has the two moments of dropout's factors. Source: Srivastava et al.
/// 2014, JMLR 15, section 10.
struct GaussianDropoutNoise: RatedNoise {
  static let name = "gaussian_dropout"
  static let combination = NoiseCombination.multiplies
  static let rates: (range: ClosedRange<Float>, inWords: String) = (0...Float(1).nextDown, "from 0 to below 1")
  var rate: Float = 0.5
  /// Every factor is another, however small the rate.
  var rarerProbability: Double? { nil }

  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    address.normals(out)
    let deviation = (rate / (1 - rate)).squareRoot()
    for i in out.indices { out[i] = 1 + deviation * out[i] }
  }
}
