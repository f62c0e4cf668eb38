import DitherTensor
import Foundation

/// Sheared about the middle, to either side by chance.
public struct Shear: Corruption {
  public static let name = "shear"
  public static let summary = "sheared to one side"
  public static let group = CorruptionGroup.shape
  public static let protocols: Set<CorruptionConstants> = [.mnistc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    ["angle": [0.2, 0.4, 0.6, 0.8, 1][severity - 1]]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let angle = (strength(severity: severity, of: image)["angle"] ?? 0) * (address.uniform(0) < 0.5 ? -1 : 1)
    Picture(pixels, image).turned(1, -sin(angle), 0, cos(angle)).write(to: pixels)
  }
}
