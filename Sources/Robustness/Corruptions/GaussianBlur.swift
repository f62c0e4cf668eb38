import DitherTensor

/// A Gaussian blur, four standard deviations wide, edges repeated.
public struct GaussianBlur: Corruption {
  public static let name = "gaussian_blur"
  public static let summary = "a Gaussian blur"
  public static let group = CorruptionGroup.blur
  public static let extraIn: Set<CorruptionConstants> = [.cifar10c, .imagenetc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    ["sigma": image.constant(severity, cifar: [0.4, 0.6, 0.7, 0.8, 1], imagenet: [1, 2, 3, 4, 6])]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let sigma = strength(severity: severity, of: image)["sigma"] ?? 0
    Picture(pixels, image).blurred(sigma: sigma).write(to: pixels)
  }
}
