import DitherTensor

/// Adds independent normal numbers to every pixel and channel.
///
/// Color images take the constants of CIFAR-10-C (Hendrycks and Dietterich 2019, arXiv 1903.12261), gray ones those of
/// MNIST-C (Mu and Gilmer 2019, arXiv 1906.02337).
public struct GaussianNoise: Corruption {
  public static let name = "gaussian_noise"
  public static let summary = "normal noise on every pixel"
  /// The standard deviation, in units of the input; nil: that of the severity.
  public var sigma: Double?
  public static let formerDefaults = ["sigma": "0"]
  public static let group = CorruptionGroup.noise
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc]
  public static let needsPicture = false
  public init() {}

  public func validate() throws(RobustnessError) { try require(sigma ?? 0, in: 0...10, "sigma") }
  public var hasOwnStrength: Bool { sigma != nil }

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    let constant = image.constant(
      severity, cifar: [0.04, 0.06, 0.08, 0.09, 0.10], imagenet: [0.08, 0.12, 0.18, 0.26, 0.38])
    return ["sigma": sigma ?? constant]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let sigma = Float(strength(severity: severity, of: image)["sigma"] ?? 0), noise = address.normals(pixels.count)
    for i in pixels.indices { pixels[i] += sigma * noise[i] }
  }
}
