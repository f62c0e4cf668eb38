import DitherTensor
import Foundation

/// Ice on the pane. **A variant**: the published corruption lays one of five photographs over the picture, which are
/// not ours to ship; here the ice is drawn: bright needles grown from a cloud, denser towards one corner. Its weights
/// are the published ones.
public struct Frost: Corruption {
  public static let name = "frost"
  public static let summary = "ice on the pane (drawn, not the published photographs)"
  public static let group = CorruptionGroup.weather
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    let (own, ice) = image.constant(
      severity, cifar: [(1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)],
      imagenet: [(1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)])
    return ["image": own, "ice": ice]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let strength = strength(severity: severity, of: image), own = strength["image"] ?? 1, weight = strength["ice"] ?? 0
    let count = image.height * image.width, ice = Self.ice(image, address)
    // Photographs of ice are a little blue.
    let tint = image.channels == 3 ? [0.85, 0.95, 1] : [0.93]
    for i in pixels.indices {
      pixels[i] = Float(own * Double(pixels[i]) + weight * ice[i % count] * tint[min(i / count, tint.count - 1)])
    }
  }

  private static func ice(_ image: ImageShape, _ address: NoiseAddress) -> [Double] {
    var side = 32
    while side < max(image.height, image.width) { side *= 2 }
    let cloud = Plasma.field(side: side, decay: 1.6, at: address)
    var other = address
    other.site ^= 0x4652_4F53
    let chance = other.uniforms(3)
    let degrees = 180 * Double(chance[0]), (cy, cx) = (Double(chance[1]), Double(chance[2]))
    let needles = Blur.motion(cloud, side, side, radius: 4, sigma: 3, degrees: degrees)
    return (0..<image.height * image.width).map { i in
      let (y, x) = (i / image.width, i % image.width), at = y * side + x
      let dy = Double(y) / Double(image.height) - cy, dx = Double(x) / Double(image.width) - cx
      let sharp = needles[at] + 1.5 * abs(cloud[at] - needles[at]) + 0.25 * (dy * dy + dx * dx)
      return min(max(sharp, 0), 1)
    }
  }
}
