import DitherTensor

/// Down to a share of the size by means over areas, and up again.
public struct Pixelate: Corruption {
  public static let name = "pixelate"
  public static let summary = "coarser pixels"
  public static let group = CorruptionGroup.digital
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    ["share": image.constant(severity, cifar: [0.95, 0.9, 0.85, 0.75, 0.65], imagenet: [0.6, 0.5, 0.4, 0.3, 0.25])]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let share = strength(severity: severity, of: image)["share"] ?? 1, (h, w) = (image.height, image.width)
    let (tall, wide) = (max(Int(Double(h) * share), 1), max(Int(Double(w) * share), 1))
    Picture(pixels, image).levels.mapPlanes {
      Resampling.box(Resampling.box($0, h, w, to: tall, wide), tall, wide, to: h, w)
    }.write(to: pixels)
  }
}
