import DitherBasics
import DitherTensor

/// A Bᵀ / √rank with A [outputs, rank] and B [inputs, rank] of N(0, 1): each weight's noise has standard deviation 1,
/// and all together the rank `rank`.
struct LowRankNoise: AddedNoise {
  static let name = "low_rank"
  static let hasFreeSigns = true
  /// From 1.
  var rank = 4

  func validate() throws(GraphError) {
    guard (1...1024).contains(rank) else {
      throw GraphError(.noise, at: "noise '\(Self.name)'", expected: "a rank from 1 to 1024", got: "\(rank)")
    }
  }

  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    let rows = shape.rank > 1 ? max(shape[0], 1) : 1, columns = out.count / rows, rank = rank
    withUnsafeTemporaryAllocation(of: Float.self, capacity: (rows + columns) * rank) { draws in
      address.normals(draws)
      let scale = 1 / Float(rank).squareRoot()
      for row in 0..<rows {
        for column in 0..<columns {
          var sum: Float = 0
          for at in 0..<rank { sum += draws[row * rank + at] * draws[(rows + column) * rank + at] }
          out[row * columns + column] = scale * sum
        }
      }
    }
  }
}
