import DitherBasics

/// A square of `size` pixels a side around a pixel drawn uniformly becomes 0; it may reach over the edge. Source:
/// DeVries and Taylor 2017, arXiv 1708.04552.
public struct Cutout: Augmentation {
  public static let name = "cutout"
  /// From 1.
  public var size = 8
  public init() {}

  public func check() throws(CatalogError) { try require((1...4096).contains(size), "size", "1 to 4096", size) }

  public func apply(_ picture: inout Picture, _ chance: inout Chance) {
    func range(_ length: Int) -> Range<Int> {
      let first = chance.number(0...length - 1) - (size - 1) / 2
      return max(first, 0)..<min(first + size, length)
    }
    let columns = range(picture.width), rows = range(picture.height)
    for channel in 0..<picture.channels {
      for y in rows {
        for x in columns { picture.pixels[(channel * picture.height + y) * picture.width + x] = 0 }
      }
    }
  }
}
