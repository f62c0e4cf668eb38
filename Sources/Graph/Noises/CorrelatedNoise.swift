import DitherBasics
import DitherTensor
import Foundation

/// Normals that neighbors share: white noise under a Gaussian filter of standard deviation `length`, scaled to standard
/// deviation 1. The correlation of two pixels d apart is exp(−d² / 4 length²). Along the last two axes of a picture,
/// else along the last; every channel has draws of its own.
struct CorrelatedNoise: AddedNoise {
  static let name = "correlated"
  /// In pixels, from 0 (white) to 32.
  var length: Float = 1

  func validate() throws(GraphError) {
    guard (0...32).contains(length) else {
      throw GraphError(.noise, at: "noise '\(Self.name)'", expected: "a length from 0 to 32", got: "\(length)")
    }
  }

  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    let plane = Plane(shape, count: out.count), filter = self.filter, reach = filter.count / 2
    let tall = plane.height > 1 ? plane.height + 2 * reach : 1, wide = plane.width + 2 * reach
    withUnsafeTemporaryAllocation(of: Float.self, capacity: tall * wide) { white in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: tall * plane.width) { across in
        for number in 0..<plane.count {
          address.normals(white, from: number * tall * wide)
          for y in 0..<tall {
            for x in 0..<plane.width {
              var sum: Float = 0
              for at in filter.indices { sum += filter[at] * white[y * wide + x + at] }
              across[y * plane.width + x] = sum
            }
          }
          for y in 0..<plane.height {
            for x in 0..<plane.width {
              var sum: Float = 0
              if tall == 1 {
                sum = across[x]
              } else {
                for at in filter.indices { sum += filter[at] * across[(y + at) * plane.width + x] }
              }
              out[(number * plane.height + y) * plane.width + x] = sum
            }
          }
        }
      }
    }
  }

  /// Weights whose squares add up to 1.
  private var filter: [Float] {
    guard length > 0.01 else { return [1] }
    let reach = Int((3 * length).rounded(.up))
    let weights = (-reach...reach).map { exp(-Double($0 * $0) / Double(2 * length * length)) }
    let norm = weights.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return weights.map { Float($0 / norm) }
  }
}
