import DitherTensor

/// 1 − x, at every severity.
public struct Inverse: Corruption {
  public static let name = "inverse"
  public static let summary = "light and dark exchanged"
  public static let group = CorruptionGroup.shape
  public static let needsPicture = false
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    [:]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    for i in pixels.indices { pixels[i] = 1 - pixels[i] }
  }
}
