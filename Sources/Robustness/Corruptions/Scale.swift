import DitherTensor
import Foundation

/// Smaller about the middle, on black.
public struct Scale: Corruption {
  public static let name = "scale"
  public static let summary = "smaller"
  public static let group = CorruptionGroup.shape
  public static let protocols: Set<CorruptionConstants> = [.mnistc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    ["factor": [0.9, 0.8, 0.7, 0.6, 0.5][severity - 1]]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let inverse = 1 / (strength(severity: severity, of: image)["factor"] ?? 1)
    Picture(pixels, image).turned(inverse, 0, 0, inverse).write(to: pixels)
  }
}
