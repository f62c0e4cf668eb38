import DitherTensor

/// Adds to the value of hue, saturation and value.
public struct Brightness: Corruption {
  public static let name = "brightness"
  public static let summary = "lighter"
  public static let group = CorruptionGroup.digital
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc, .mnistc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    ["value": image.constant(severity, cifar: [0.05, 0.1, 0.15, 0.2, 0.3], imagenet: [0.1, 0.2, 0.3, 0.4, 0.5])]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let value = strength(severity: severity, of: image)["value"] ?? 0
    Picture(pixels, image).changingHSV { $0.v = min(max($0.v + value, 0), 1) }.write(to: pixels)
  }
}
