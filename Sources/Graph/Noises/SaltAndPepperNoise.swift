import DitherBasics
import DitherTensor

/// A value becomes `salt` or `pepper`, each with probability `rate` / 2: impulse noise. Source: Gonzalez and Woods,
/// Digital Image Processing, 5.2.
struct SaltAndPepperNoise: RatedNoise {
  static let name = "salt_and_pepper"
  static let combination = NoiseCombination.replaces
  static let rates: (range: ClosedRange<Float>, inWords: String) = (0...1, "from 0 to 1")
  var rate: Float = 0.1
  /// Salt and pepper have half of the rate each.
  var rarerProbability: Double? { rate > 0 ? Double(rate < 1 ? min(rate / 2, 1 - rate) : 0.5) : nil }
  var salt: Float = 1
  var pepper: Float = 0

  func validate() throws(GraphError) {
    guard Self.rates.range.contains(rate), salt.isFinite, pepper.isFinite else {
      throw GraphError(
        .noise, at: "noise '\(Self.name)'", expected: "a rate from 0 to 1, a finite salt and a finite pepper",
        got: "\(rate), \(salt) and \(pepper)")
    }
  }

  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    address.uniforms(out)
    for i in out.indices { out[i] = out[i] < rate / 2 ? pepper : out[i] < rate ? salt : .nan }
  }
}
