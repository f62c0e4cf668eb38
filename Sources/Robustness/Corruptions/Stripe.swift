import DitherTensor

/// The outer quarters of the columns inverted, at every severity: of 28 those before 7 and from 21 on.
public struct Stripe: Corruption {
  public static let name = "stripe"
  public static let summary = "both sides inverted"
  public static let group = CorruptionGroup.shape
  public static let protocols: Set<CorruptionConstants> = [.mnistc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    [:]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let quarter = image.width / 4
    for i in pixels.indices where !(quarter..<image.width - quarter).contains(i % image.width) {
      pixels[i] = 1 - pixels[i]
    }
  }
}
