import DitherBasics

/// The picture, half of the mean, and the picture moved up and left and down and right, a quarter each; what comes in
/// is the picture, mirrored at its edge. Source: Jordan 2024, arXiv 2404.00498, section 3.5, which uses it with flips.
public struct ShiftView: PictureView {
  public static let name = "shift"
  /// From 1.
  public var pixels = 1
  public init() {}

  public func check() throws(CatalogError) { try require((1...1024).contains(pixels), "pixels", "1 to 1024", pixels) }

  public func looks(rows: Int, columns: Int) -> [Look] {
    func moved(_ count: Int, by steps: Int) -> [Int] { (0..<count).map { Shift.mirrored($0 + steps, count) } }
    return [(0, 0.5), (pixels, 0.25), (-pixels, 0.25)].map { steps, share in
      Look(share: share, rows: moved(rows, by: steps), columns: moved(columns, by: steps))
    }
  }
}
