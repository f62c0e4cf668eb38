import DitherTensor

/// Adds x times a normal number to every value x.
public struct SpeckleNoise: Corruption {
  public static let name = "speckle_noise"
  public static let summary = "normal noise in proportion to each value"
  public static let group = CorruptionGroup.noise
  public static let extraIn: Set<CorruptionConstants> = [.cifar10c, .imagenetc]
  public static let needsPicture = false
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    ["sigma": image.constant(severity, cifar: [0.06, 0.1, 0.12, 0.16, 0.2], imagenet: [0.15, 0.2, 0.35, 0.45, 0.6])]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let sigma = Float(strength(severity: severity, of: image)["sigma"] ?? 0), noise = address.normals(pixels.count)
    for i in pixels.indices { pixels[i] += pixels[i] * sigma * noise[i] }
  }
}
