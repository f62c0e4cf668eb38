import DitherTensor

/// N(0, 1).
struct GaussianNoise: AddedNoise {
  static let name = "gaussian"
  static let hasFreeSigns = true
  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    address.normals(out)
  }
}
