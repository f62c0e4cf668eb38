import DitherTensor

/// Falling snow: a thresholded field of normal numbers, enlarged, blurred along the wind, added twice, the second time
/// turned round; the picture behind it is whitened.
public struct Snow: Corruption {
  public static let name = "snow"
  public static let summary = "falling snow"
  public static let group = CorruptionGroup.weather
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc]
  public init() {}

  private struct Constants {
    var mean: Double, deviation: Double, zoom: Double, threshold: Double, radius: Double, sigma: Double, image: Double
    init(_ v: [Double]) {
      (mean, deviation, zoom, threshold, radius, sigma, image) = (v[0], v[1], v[2], v[3], v[4], v[5], v[6])
    }
  }

  private static func constants(_ severity: Int, _ image: ImageShape) -> Constants {
    Constants(
      image.constant(
        severity,
        cifar: [
          [0.1, 0.2, 1, 0.6, 8, 3, 0.95], [0.1, 0.2, 1, 0.5, 10, 4, 0.9], [0.15, 0.3, 1.75, 0.55, 10, 4, 0.9],
          [0.25, 0.3, 2.25, 0.6, 12, 6, 0.85], [0.3, 0.3, 1.25, 0.65, 14, 12, 0.8],
        ],
        imagenet: [
          [0.1, 0.3, 3, 0.5, 10, 4, 0.8], [0.2, 0.3, 2, 0.5, 12, 4, 0.7], [0.55, 0.3, 4, 0.9, 12, 8, 0.7],
          [0.55, 0.3, 4.5, 0.85, 12, 8, 0.65], [0.55, 0.3, 2.5, 0.85, 12, 12, 0.55],
        ]))
  }

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    let c = Self.constants(severity, image)
    return ["mean": c.mean, "deviation": c.deviation, "zoom": c.zoom, "threshold": c.threshold, "image": c.image]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let c = Self.constants(severity, image), (height, width) = (image.height, image.width), count = height * width
    var layer = address.normals(count).map { c.mean + c.deviation * Double($0) }
    layer = ZoomBlur.enlarged(layer, height, width, c.zoom).map { $0 < c.threshold ? 0 : min(max($0, 0), 1) }
    var wind = address
    wind.site ^= 0x534E_4F57
    layer = Blur.motion(
      layer, height, width, radius: c.radius, sigma: c.sigma, degrees: -135 + 90 * Double(wind.uniform(0)))
    let picture = Picture(pixels, image), gray = picture.gray
    for (channel, plane) in picture.planes.enumerated() {
      for i in 0..<count {
        let whitened = c.image * plane[i] + (1 - c.image) * max(plane[i], gray[i] * 1.5 + 0.5)
        pixels[channel * count + i] = Float(whitened + layer[i] + layer[count - 1 - i])
      }
    }
  }
}
