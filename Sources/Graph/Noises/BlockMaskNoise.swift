import DitherBasics
import DitherTensor

/// Squares of `size` pixels a side become `value`, in all channels; a pixel is in one of them with probability `rate`.
/// A value of one axis has stretches of `size` elements.
struct BlockMaskNoise: RatedNoise {
  static let name = "block_mask"
  static let combination = NoiseCombination.replaces
  static let rates: (range: ClosedRange<Float>, inWords: String) = (0...1, "from 0 to 1")
  var rate: Float = 0.25
  var size = 4
  var value: Float = 0

  func validate() throws(GraphError) {
    guard Self.rates.range.contains(rate), value.isFinite, Blocks.sizes.contains(size) else {
      throw GraphError(
        .noise, at: "noise '\(Self.name)'",
        expected: "a rate from 0 to 1, a size from 1 to \(Blocks.sizes.upperBound) and a finite value",
        got: "\(rate), \(size) and \(value)")
    }
  }

  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    let plane = Plane(shape, count: out.count), first = UnsafeMutableBufferPointer(rebasing: out[..<plane.area])
    Blocks(rate: rate, size: size).fill(first, plane, at: address, from: 0, covered: value, free: .nan)
    for number in 1..<max(plane.count, 1) {
      for i in 0..<plane.area { out[number * plane.area + i] = first[i] }
    }
  }
}
