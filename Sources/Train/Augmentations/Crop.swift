import DitherBasics

/// A part of the picture, of `least` to all of its area and a ratio of sides from 3/4 to 4/3, as large as the whole.
/// Source: Szegedy et al. 2014, arXiv 1409.4842, section 6.
public struct Crop: Augmentation {
  public static let name = "crop"
  /// The least share of the area, above 0 to 1.
  public var least = 0.5
  public init() {}

  public func check() throws(CatalogError) { try require(least > 0 && least <= 1, "least", "above 0, to 1", least) }

  public func apply(_ picture: inout Picture, _ chance: inout Chance) {
    let area = chance.uniform(Float(least)...1), ratio = chance.uniform(0.75...4 / 3)
    let wide = min((area * ratio).squareRoot(), 1), tall = min((area / ratio).squareRoot(), 1)
    let left = chance.uniform() * (1 - wide) * Float(picture.width - 1)
    let top = chance.uniform() * (1 - tall) * Float(picture.height - 1)
    picture.resample { (left + wide * $0, top + tall * $1) }
  }
}
