import DitherTensor

/// Turns single values black or white, each with half of the probability `amount`: the field's impulse noise.
///
/// Color images take the constants of CIFAR-10-C's `impulse_noise` (Hendrycks and Dietterich 2019, arXiv 1903.12261),
/// each channel on its own; gray ones those of MNIST-C (Mu and Gilmer 2019, arXiv 1906.02337).
public struct SaltAndPepper: Corruption {
  public static let name = "salt_and_pepper"
  public static let summary = "single pixels turned black or white"
  /// The share of values that change; nil: that of the severity.
  public var amount: Double?
  public static let formerDefaults = ["amount": "0"]
  public static let group = CorruptionGroup.noise
  public static let needsPicture = false
  public init() {}

  public func validate() throws(RobustnessError) { try require(amount ?? 0, in: 0...1, "amount") }
  public var hasOwnStrength: Bool { amount != nil }

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    let constant = image.constant(
      severity, cifar: [0.01, 0.02, 0.03, 0.05, 0.07], imagenet: [0.03, 0.06, 0.09, 0.17, 0.27])
    return ["amount": amount ?? constant]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let half = Float((strength(severity: severity, of: image)["amount"] ?? 0) / 2)
    let chance = address.uniforms(pixels.count)
    for i in pixels.indices {
      if chance[i] < half { pixels[i] = 0 } else if chance[i] > 1 - half { pixels[i] = 1 }
    }
  }
}
