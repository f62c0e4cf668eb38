import DitherTensor

/// Multiplies the saturation and adds to it. The first two severities take color away.
public struct Saturate: Corruption {
  public static let name = "saturate"
  public static let summary = "other saturation"
  public static let group = CorruptionGroup.digital
  public static let extraIn: Set<CorruptionConstants> = [.cifar10c, .imagenetc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    let (factor, offset) = image.constant(
      severity, cifar: [(0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)],
      imagenet: [(0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)])
    return ["factor": factor, "offset": offset]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let strength = strength(severity: severity, of: image)
    let (factor, offset) = (strength["factor"] ?? 1, strength["offset"] ?? 0)
    Picture(pixels, image).changingHSV { $0.s = min(max($0.s * factor + offset, 0), 1) }.write(to: pixels)
  }
}
