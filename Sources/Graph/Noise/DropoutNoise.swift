import DitherTensor

/// Dropout: a value becomes 0 with probability p, else 1 / (1 − p) times itself; kept on for answers it is Monte-Carlo dropout (Gal and
/// Ghahramani 2016, arXiv 1506.02142). As noise relative to the value it has the deviation σ = √(p / (1 − p)), so σ says what p is.
struct DropoutNoise: Noise {
  static let name = "dropout"
  static let isSymmetric = false
  private let rate: Float

  init() { self.init(sigma: 1) }
  init(sigma: Float) { rate = sigma * sigma / (1 + sigma * sigma) }

  static func sigma(rate: Float) -> Float { (rate / (1 - rate)).squareRoot() }

  func fill(_ out: UnsafeMutableBufferPointer<Float>, at address: NoiseAddress) {
    address.uniforms(out)
    guard rate > 0 else { return out.update(repeating: 0) }
    let deviation = Self.sigma(rate: rate), dropped = -1 / deviation, kept = rate / (1 - rate) / deviation
    for i in out.indices { out[i] = out[i] < rate ? dropped : kept }
  }
}
