import DitherBasics
import DitherTensor

/// A pixel becomes `value` in all its channels with probability `rate`: what is masked carries no color. A value of
/// fewer than three axes is masked element by element.
struct PixelMaskNoise: RatedNoise {
  static let name = "pixel_mask"
  static let combination = NoiseCombination.replaces
  static let rates: (range: ClosedRange<Float>, inWords: String) = (0...1, "from 0 to 1")
  var rate: Float = 0.5
  var value: Float = 0

  func validate() throws(GraphError) {
    guard Self.rates.range.contains(rate), value.isFinite else {
      throw GraphError(
        .noise, at: "noise '\(Self.name)'", expected: "a rate from 0 to 1 and a finite value",
        got: "\(rate) and \(value)")
    }
  }

  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    // [channels, height, width]: the channels share a draw.
    let channels = shape.rank > 2 ? max(shape[0], 1) : 1, pixels = out.count / channels
    let first = UnsafeMutableBufferPointer(rebasing: out[..<pixels])
    address.uniforms(first)
    for i in first.indices { first[i] = first[i] < rate ? value : .nan }
    for channel in 0..<channels where channel > 0 {
      for i in 0..<pixels { out[channel * pixels + i] = first[i] }
    }
  }
}
