import DitherTensor
import Foundation

/// Moved along both axes, each way by chance.
public struct Translate: Corruption {
  public static let name = "translate"
  public static let summary = "moved aside"
  public static let group = CorruptionGroup.shape
  public static let protocols: Set<CorruptionConstants> = [.mnistc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    ["pixels": Double(severity)]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let reach = strength(severity: severity, of: image)["pixels"] ?? 0
    let x = address.uniform(0) < 0.5 ? -reach : reach, y = address.uniform(1) < 0.5 ? -reach : reach
    Picture(pixels, image).turned(1, 0, 0, 1, by: (y, x)).write(to: pixels)
  }
}
