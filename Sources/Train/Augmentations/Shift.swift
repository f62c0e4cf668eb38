import DitherBasics

/// Moved by up to `pixels` whole pixels along each axis, all alike; what comes in is 0, or the picture's edge mirrored.
/// With 0 it is a random crop of the padded picture, as is usual for CIFAR (He et al. 2016, arXiv 1512.03385, 4.2).
public struct Shift: Augmentation {
  public static let name = "shift"
  /// From 1.
  public var pixels = 2
  /// The pixels that come in.
  public var padding = Padding.zero

  /// The continuation beyond a picture's edge.
  public enum Padding: String, Codable, Sendable, CaseIterable {
    /// Black.
    case zero
    /// The picture, mirrored at its first and last pixel.
    case reflect
  }
  public init() {}

  public func check() throws(CatalogError) { try require((1...1024).contains(pixels), "pixels", "1 to 1024", pixels) }

  public func apply(_ picture: inout Picture, _ chance: inout Chance) {
    let right = chance.number(-pixels...pixels), down = chance.number(-pixels...pixels)
    guard right != 0 || down != 0 else { return }
    let old = picture.pixels, height = picture.height, width = picture.width
    for channel in 0..<picture.channels {
      for y in 0..<height {
        for x in 0..<width {
          let from = place(y - down, height).flatMap { y in place(x - right, width).map { (y, $0) } }
          picture.pixels[(channel * height + y) * width + x] =
            from.map { old[(channel * height + $0.0) * width + $0.1] } ?? 0
        }
      }
    }
  }

  private func place(_ at: Int, _ length: Int) -> Int? {
    if (0..<length).contains(at) { return at }
    return padding == .reflect && length > 1 ? Self.mirrored(at, length) : nil
  }

  /// The place within `length` pixels that one beyond them shows, mirrored at the first and the last.
  static func mirrored(_ at: Int, _ length: Int) -> Int {
    let period = max(2 * (length - 1), 1), folded = ((at % period) + period) % period
    return folded < length ? folded : period - folded
  }
}
