import DitherBasics
import Foundation

/// Turned around its middle by up to `degrees` either way; what comes in is 0.
public struct Rotation: Augmentation {
  public static let name = "rotation"
  /// From 0 to 180.
  public var degrees = 10.0
  public init() {}

  public func check() throws(CatalogError) { try require((0...180).contains(degrees), "degrees", "0 to 180", degrees) }

  public func apply(_ picture: inout Picture, _ chance: inout Chance) {
    picture.turn(by: chance.uniform(-Float(degrees)...Float(degrees)))
  }
}

extension Picture {
  /// - Parameter degrees: counterclockwise.
  mutating func turn(by degrees: Float) {
    let (c, s) = (cos(degrees * .pi / 180), sin(degrees * .pi / 180))
    let (x, y) = (Float(width - 1) / 2, Float(height - 1) / 2)
    resample { (x + c * ($0 - x) - s * ($1 - y), y + s * ($0 - x) + c * ($1 - y)) }
  }
}
