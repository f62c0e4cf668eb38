import DitherTensor
import Foundation

/// Laplace's distribution with scale 1/√2, whose standard deviation is 1: heavier tails than Gaussian.
struct LaplaceNoise: AddedNoise {
  static let name = "laplace"
  static let hasFreeSigns = true
  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    address.uniforms(out)
    let scale = Float(0.5).squareRoot()
    for i in out.indices {
      let u = out[i] - 0.5
      // 1 − 2|u| is exact and, as the uniform is never 0 or 1, never 0.
      out[i] = (u < 0 ? 1 : -1) * scale * log(1 - 2 * abs(u))
    }
  }
}
