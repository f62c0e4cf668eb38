import DitherBasics
import DitherTensor

/// f(a) f(b) of one normal a for each output of a layer and one b for each of its inputs, f(x) = sgn(x) √|x|: n + m
/// draws in place of n · m. Its standard deviation is √(2/π) = 0.80. Source: Fortunato et al. 2018, NoisyNet, arXiv
/// 1706.10295, equation 11.
struct FactorizedNoise: AddedNoise {
  static let name = "factorized"
  static let hasFreeSigns = true
  func deviation(of shape: Shape) -> Double { (2 / Double.pi).squareRoot() }

  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    let rows = shape.rank > 1 ? max(shape[0], 1) : 1, columns = out.count / rows
    withUnsafeTemporaryAllocation(of: Float.self, capacity: rows + columns) { draws in
      address.normals(draws)
      for i in draws.indices { draws[i] = (draws[i] < 0 ? -1 : 1) * abs(draws[i]).squareRoot() }
      for row in 0..<rows {
        for column in 0..<columns { out[row * columns + column] = draws[row] * draws[rows + column] }
      }
    }
  }
}
