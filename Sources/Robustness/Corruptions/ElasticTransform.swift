import DitherTensor

/// The picture on rubber: an affine map by three points that moved, then a smooth displacement of every pixel. Simard
/// et al. 2003.
public struct ElasticTransform: Corruption {
  public static let name = "elastic_transform"
  public static let summary = "the picture on rubber"
  public static let group = CorruptionGroup.digital
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc]
  public init() {}

  /// In units of the picture's side.
  private static func constants(_ severity: Int, _ image: ImageShape) -> (alpha: Double, sigma: Double, affine: Double)
  {
    let (alpha, sigma, affine) = image.constant(
      severity, cifar: [(0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)],
      imagenet: [(2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)])
    // ImageNet-C's code says 244 for its pictures of 224.
    let side = Double(min(image.height, image.width)) * (image.constants == .imagenetc ? 244.0 / 224 : 1)
    return (alpha * side, sigma * side, affine * side)
  }

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    let (alpha, sigma, affine) = Self.constants(severity, image)
    return ["alpha": alpha, "sigma": sigma, "affine": affine]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let (alpha, sigma, reach) = Self.constants(severity, image), (height, width) = (image.height, image.width)
    var other = address
    other.site ^= 0x454C_4153
    let moved = other.uniforms(6).map { reach * (2 * Double($0) - 1) }
    // Three points about the middle, a third of the side away, as published.
    let (cy, cx) = (Double(height) / 2, Double(width) / 2), side = Double(min(height, width) / 3)
    let from = [(cx + side, cy + side), (cx + side, cy - side), (cx - side, cy - side)]
    let to = from.enumerated().map { ($1.0 + moved[2 * $0], $1.1 + moved[2 * $0 + 1]) }
    let back = Self.affine(to, from)
    func field(_ sample: UInt32) -> [Double] {
      var address = address
      address.sample = sample
      let noise = address.uniforms(height * width).map { 2 * Double($0) - 1 }
      return Blur.gaussian(noise, height, width, sigma, 3, .reflect).map { $0 * alpha }
    }
    let dx = alpha > 0 ? field(1) : [], dy = alpha > 0 ? field(2) : []
    var picture = Picture(pixels, image)
    picture.planes = Resampling.map(picture.planes, height, width, border: .reflect101) { y, x in
      (back.y.0 * Double(x) + back.y.1 * Double(y) + back.y.2, back.x.0 * Double(x) + back.x.1 * Double(y) + back.x.2)
    }
    if alpha > 0 {
      picture.planes = Resampling.map(picture.planes, height, width, border: .reflect) { y, x in
        (Double(y) + dy[y * width + x], Double(x) + dx[y * width + x])
      }
    }
    picture.write(to: pixels)
  }

  /// The affine map that takes three points to three others, by Cramer's rule.
  private static func affine(
    _ from: [(Double, Double)], _ to: [(Double, Double)]
  ) -> (x: (Double, Double, Double), y: (Double, Double, Double)) {
    let (a, b, c) = (from[0], from[1], from[2])
    let determinant = (b.0 - a.0) * (c.1 - a.1) - (c.0 - a.0) * (b.1 - a.1)
    func row(_ u: Double, _ v: Double, _ w: Double) -> (Double, Double, Double) {
      let p = ((v - u) * (c.1 - a.1) - (w - u) * (b.1 - a.1)) / determinant
      let q = ((b.0 - a.0) * (w - u) - (c.0 - a.0) * (v - u)) / determinant
      return (p, q, u - p * a.0 - q * a.1)
    }
    return (row(to[0].0, to[1].0, to[2].0), row(to[0].1, to[1].1, to[2].1))
  }
}
