import DitherBasics
import DitherTensor

/// A camera that moves: a one-sided Gaussian along a line, as ImageMagick's motion blur, at an angle from −45 to 45
/// degrees.
public struct MotionBlur: Corruption {
  public static let name = "motion_blur"
  public static let summary = "a moving camera, at a random angle"
  public static let group = CorruptionGroup.blur
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc, .mnistc]
  /// In degrees, or `random`: each example's own.
  public var angle = "random"
  public init() {}

  public func validate() throws(RobustnessError) {
    guard angle != "random" else { return }
    guard let degrees = Double(angle), (-360...360).contains(degrees) else {
      throw RobustnessError(.parameter, at: "angle", expected: "random, or -360 to 360", got: "'\(angle.clipped())'")
    }
  }

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    let (radius, sigma): (Double, Double) = image.constant(
      severity, cifar: [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)],
      imagenet: [(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)])
    return ["radius": radius, "sigma": sigma]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let strength = strength(severity: severity, of: image)
    let degrees = Double(angle) ?? 90 * Double(address.uniform(0)) - 45
    Picture(pixels, image).mapPlanes {
      Blur.motion(
        $0, image.height, image.width, radius: strength["radius"] ?? 0, sigma: strength["sigma"] ?? 1, degrees: degrees)
    }.write(to: pixels)
  }
}
