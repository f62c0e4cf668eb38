import DitherTensor

/// Every value is a Poisson count of λ x photons, over λ.
public struct ShotNoise: Corruption {
  public static let name = "shot_noise"
  public static let summary = "Poisson noise of light"
  public static let group = CorruptionGroup.noise
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc, .mnistc]
  public static let needsPicture = false
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    ["photons": image.constant(severity, cifar: [500, 250, 100, 75, 50], imagenet: [60, 25, 12, 5, 3])]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let photons = strength(severity: severity, of: image)["photons"] ?? 1
    var chances = PixelChances(address, pixels: pixels.count)
    for i in pixels.indices {
      pixels[i] = Float(Double(chances.poisson(Double(max(pixels[i], 0)) * photons, at: i)) / photons)
    }
  }
}
