import DitherTensor
import Foundation

/// The last two axes of a value of three or more, else its last: what a structured noise sees as a picture.
struct Plane {
  let height: Int, width: Int
  /// How many there are.
  let count: Int
  var area: Int { height * width }

  init(_ shape: Shape, count total: Int) {
    width = shape.rank > 0 ? max(shape[shape.rank - 1], 1) : 1
    height = shape.rank > 2 ? max(shape[shape.rank - 2], 1) : 1
    count = total / (height * width)
  }
}

/// Squares that cover a share of a plane: each place, also those before its edges, is the first corner of one with the
/// probability that covers a pixel with probability `rate`.
struct Blocks {
  static let sizes = 1...1024
  let rate: Float
  let size: Int

  /// - Parameter number: of the plane, each with draws of its own.
  func fill(
    _ out: UnsafeMutableBufferPointer<Float>, _ plane: Plane, at address: NoiseAddress, from number: Int,
    covered: Float, free: Float
  ) {
    out.update(repeating: free)
    let before = size - 1, isFlat = plane.height == 1
    let wide = plane.width + before, tall = isFlat ? 1 : plane.height + before
    let chance = Float(1 - pow(1 - Double(rate), 1 / Double(isFlat ? size : size * size)))
    withUnsafeTemporaryAllocation(of: Float.self, capacity: wide * tall) { draws in
      address.uniforms(draws, from: number * wide * tall)
      for corner in draws.indices where draws[corner] < chance || rate >= 1 {
        let x = corner % wide - before, y = isFlat ? 0 : corner / wide - before
        for row in max(y, 0)..<min(y + (isFlat ? 1 : size), plane.height) {
          for column in max(x, 0)..<min(x + size, plane.width) { out[row * plane.width + column] = covered }
        }
      }
    }
  }
}

extension NoiseAddress {
  /// A number for a whole row, uniform on (0, 1): behind the draws of its values, which it does not depend on.
  /// - Parameter number: 0 is whether a row has its noise; the others are the noise's own.
  func choice(_ number: Int) -> Float { uniform(1 << 33 + 4 * number) }
}
