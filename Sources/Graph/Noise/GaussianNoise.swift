import DitherTensor

/// N(0, 1).
struct GaussianNoise: Noise {
  static let name = "gaussian"
  func fill(_ out: UnsafeMutableBufferPointer<Float>, at address: NoiseAddress) { address.normals(out) }
}
