import DitherTensor

/// Brings every channel nearer to its mean.
public struct Contrast: Corruption {
  public static let name = "contrast"
  public static let summary = "less contrast"
  public static let group = CorruptionGroup.digital
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    ["factor": image.constant(severity, cifar: [0.75, 0.5, 0.4, 0.3, 0.15], imagenet: [0.4, 0.3, 0.2, 0.1, 0.05])]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let factor = strength(severity: severity, of: image)["factor"] ?? 1
    Picture(pixels, image).mapPlanes { plane in
      let mean = plane.reduce(0, +) / Double(plane.count)
      return plane.map { ($0 - mean) * factor + mean }
    }.write(to: pixels)
  }
}
