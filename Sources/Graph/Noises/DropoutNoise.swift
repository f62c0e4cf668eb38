import DitherTensor

/// Dropout: a value becomes 0 with probability `rate`, else 1 / (1 − rate) times itself; kept on for answers it is
/// Monte-Carlo dropout. On weights it is DropConnect. Sources: Gal and Ghahramani 2016, arXiv 1506.02142; Wan et al.,
/// ICML 2013.
struct DropoutNoise: RatedNoise {
  static let name = "dropout"
  static let combination = NoiseCombination.multiplies
  static let rates: (range: ClosedRange<Float>, inWords: String) = (0...Float(1).nextDown, "from 0 to below 1")
  var rate: Float = 0.5

  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    address.uniforms(out)
    let kept = 1 / (1 - rate)
    for i in out.indices { out[i] = out[i] < rate ? 0 : kept }
  }
}
