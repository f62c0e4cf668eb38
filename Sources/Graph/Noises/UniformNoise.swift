import DitherTensor

/// Uniform on [−√3, √3], whose standard deviation is 1.
struct UniformNoise: AddedNoise {
  static let name = "uniform"
  static let hasFreeSigns = true
  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    address.uniforms(out)
    let half = Float(3).squareRoot()
    for i in out.indices { out[i] = half * (2 * out[i] - 1) }
  }
}
