import DitherBasics
import DitherTensor

/// Squares of `size` pixels a side become 0, in every channel others; a pixel is in one of them with probability
/// `rate`, and the rest is divided by 1 − rate: the mean is that without noise, where the paper divides by the share
/// that a draw keeps. A value of one axis has stretches. Source: Ghiasi et al. 2018, arXiv 1810.12890, algorithm 1.
struct DropBlockNoise: RatedNoise {
  static let name = "drop_block"
  static let combination = NoiseCombination.multiplies
  static let rates: (range: ClosedRange<Float>, inWords: String) = (0...Float(1).nextDown, "from 0 to below 1")
  var rate: Float = 0.1
  var size = 3

  func validate() throws(GraphError) {
    guard Self.rates.range.contains(rate), Blocks.sizes.contains(size) else {
      throw GraphError(
        .noise, at: "noise '\(Self.name)'",
        expected: "a rate \(Self.rates.inWords) and a size from 1 to \(Blocks.sizes.upperBound)",
        got: "\(rate) and \(size)")
    }
  }

  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    let plane = Plane(shape, count: out.count), blocks = Blocks(rate: rate, size: size)
    for number in 0..<plane.count {
      let own = UnsafeMutableBufferPointer(rebasing: out[number * plane.area..<(number + 1) * plane.area])
      blocks.fill(own, plane, at: address, from: number, covered: 0, free: 1 / (1 - rate))
    }
  }
}
