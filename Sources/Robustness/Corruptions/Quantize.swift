import DitherTensor

/// Rounds to 2^bits levels.
public struct Quantize: Corruption {
  public static let name = "quantize"
  public static let summary = "few gray levels"
  public static let group = CorruptionGroup.digital
  public static let needsPicture = false
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    ["bits": image.constant(severity, cifar: [5, 4, 3, 2, 1], imagenet: [5, 4, 3, 2, 1])]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let steps = Float(1 << Int(strength(severity: severity, of: image)["bits"] ?? 8)) - 1
    for i in pixels.indices { pixels[i] = (pixels[i] * steps).rounded(.toNearestOrEven) / steps }
  }
}
