import DitherTensor

/// A disk with a soft edge.
public struct DefocusBlur: Corruption {
  public static let name = "defocus_blur"
  public static let summary = "a lens out of focus"
  public static let group = CorruptionGroup.blur
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    let (radius, alias) = image.constant(
      severity, cifar: [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)],
      imagenet: [(3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)])
    return ["radius": radius, "alias": alias]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let strength = strength(severity: severity, of: image)
    let (kernel, side) = Blur.disk(radius: strength["radius"] ?? 0, alias: strength["alias"] ?? 0)
    Picture(pixels, image).correlated(kernel, side: side).write(to: pixels)
  }
}
