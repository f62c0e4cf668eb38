import DitherTensor

/// The published name of `SaltAndPepper`, whose work it is.
public struct ImpulseNoise: Corruption {
  public static let name = "impulse_noise"
  public static let summary = SaltAndPepper.summary
  public static let group = CorruptionGroup.noise
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc, .mnistc]
  public static let needsPicture = false
  private var base: SaltAndPepper { SaltAndPepper() }
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    base.strength(severity: severity, of: image)
  }
  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    base.corrupt(pixels, of: image, severity: severity, at: address)
  }
}
