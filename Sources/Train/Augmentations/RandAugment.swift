import DitherBasics

/// `count` changes in a row, drawn from turns, shears, moves, brightness, contrast, posterization and solarization, all
/// of strength `magnitude` and either direction: the part of RandAugment that needs no histogram. Source: Cubuk et al.
/// 2019, arXiv 1909.13719, section 3; the ranges are its authors', at magnitude 10 a turn by 30°, a shear by 0.3, a
/// move by a third of the picture, factors from 0.1 to 1.9, four levels and a threshold of 0.
public struct RandAugment: Augmentation {
  public static let name = "randaugment"
  /// From 1 to 16.
  public var count = 2
  /// From 0 to 10.
  public var magnitude = 5.0
  public init() {}

  public func check() throws(CatalogError) {
    try require((1...16).contains(count), "count", "1 to 16", count)
    try require((0...10).contains(magnitude), "magnitude", "0 to 10", magnitude)
  }

  public func apply(_ picture: inout Picture, _ chance: inout Chance) {
    let strength = Float(magnitude / 10)
    for _ in 0..<count {
      let kind = chance.number(0...7), signed = chance.uniform() < 0.5 ? -strength : strength
      let (x, y) = (Float(picture.width - 1) / 2, Float(picture.height - 1) / 2)
      let (wide, tall) = (Float(picture.width), Float(picture.height))
      switch kind {
      case 0: picture.turn(by: 30 * signed)
      case 1: picture.resample { ($0 + 0.3 * signed * ($1 - y), $1) }
      case 2: picture.resample { ($0, $1 + 0.3 * signed * ($0 - x)) }
      case 3: picture.resample { ($0 + signed * wide / 3, $1) }
      case 4: picture.resample { ($0, $1 + signed * tall / 3) }
      case 5: picture.map { $0 * (1 + 0.9 * signed) }
      case 6:
        let mean = picture.pixels.reduce(0, +) / Float(max(picture.pixels.count, 1))
        picture.map { mean + (1 + 0.9 * signed) * ($0 - mean) }
      default:
        if signed < 0 {
          let levels = 256 - 252 * strength
          picture.map { ($0 * (levels - 1)).rounded() / (levels - 1) }
        } else {
          picture.map { $0 > 1 - strength ? 1 - $0 : $0 }
        }
      }
    }
  }
}

extension Picture {
  /// Every pixel anew, within [0, 1].
  fileprivate mutating func map(_ change: (Float) -> Float) {
    for i in pixels.indices { pixels[i] = min(max(change(pixels[i]), 0), 1) }
  }
}
