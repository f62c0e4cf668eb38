import DitherBasics
import DitherTensor

/// Left becomes right, with probability `rate`; alternating, an example is flipped at every second time it is seen, and
/// chance decides on the first alone. Source of the latter: Jordan 2024, arXiv 2404.00498, section 3.6.
public struct Flip: Augmentation {
  public static let name = "flip"
  /// From 0 to 1.
  public var rate = 0.5
  /// Whether the flips of an example take turns.
  public var alternating = false
  public init() {}

  public func check() throws(CatalogError) {
    try require((0...1).contains(rate), "rate", "0 to 1", rate)
    try require(!alternating || rate == 0.5, "rate", "0.5, as alternating flips are every second one", rate)
  }

  public func apply(_ picture: inout Picture, _ chance: inout Chance) {
    let draw = Double(chance.uniform())
    if alternating {
      let first = mixSeed(0xF11B, UInt64(picture.example)) & 1
      guard (first ^ UInt64(picture.epoch & 1)) == 1 else { return }
    } else if draw >= rate {
      return
    }
    for row in 0..<picture.channels * picture.height {
      picture.pixels[row * picture.width..<(row + 1) * picture.width].reverse()
    }
  }
}
