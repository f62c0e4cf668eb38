import DitherTensor

/// Drops of water or of mud on the lens: a blurred field of normal numbers, thresholded.
///
/// Deviation: how light the published water is follows from an edge detector, a distance transform and histogram
/// equalization of OpenCV; here from each pixel's depth in its drop, and a factor (0.55) that makes it about as light
/// on the whole.
public struct Spatter: Corruption {
  public static let name = "spatter"
  public static let summary = "drops of water, from severity 4 on of mud"
  public static let group = CorruptionGroup.weather
  public static let protocols: Set<CorruptionConstants> = [.mnistc]
  public static let extraIn: Set<CorruptionConstants> = [.cifar10c, .imagenetc]
  public init() {}

  private static func constants(_ severity: Int, _ image: ImageShape) -> [Double] {
    image.constant(
      severity,
      cifar: [
        [0.62, 0.1, 0.7, 0.7, 0.5, 0], [0.65, 0.1, 0.8, 0.7, 0.5, 0], [0.65, 0.3, 1, 0.69, 0.5, 0],
        [0.65, 0.1, 0.7, 0.69, 0.6, 1], [0.65, 0.1, 0.5, 0.68, 0.6, 1],
      ],
      imagenet: [
        [0.65, 0.3, 4, 0.69, 0.6, 0], [0.65, 0.3, 3, 0.68, 0.6, 0], [0.65, 0.3, 2, 0.68, 0.5, 0],
        [0.65, 0.3, 1, 0.65, 1.5, 1], [0.67, 0.4, 1, 0.65, 1.5, 1],
      ])
  }

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    let c = Self.constants(severity, image)
    return ["mean": c[0], "deviation": c[1], "sigma": c[2], "threshold": c[3], "mix": c[4], "mud": c[5]]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let c = Self.constants(severity, image), count = image.height * image.width
    let field = address.normals(count).map { c[0] + c[1] * Double($0) }
    var drops = Blur.gaussian(field, image.height, image.width, c[2], 4, .nearest).map { $0 < c[3] ? 0 : $0 }
    if c[5] == 1 {
      // Mud covers: brown, with a soft edge.
      drops = Blur.gaussian(drops.map { $0 > c[3] ? 1 : 0 }, image.height, image.width, c[4], 4, .nearest)
        .map { $0 < 0.8 ? 0 : $0 }
      let mud = image.channels == 3 ? [63 / 255.0, 42 / 255.0, 20 / 255.0] : [0.0]
      for i in pixels.indices {
        let cover = drops[i % count]
        pixels[i] = Float(Double(pixels[i]) * (1 - cover) + mud[min(i / count, mud.count - 1)] * cover)
      }
    } else {
      // Water lightens: pale turquoise.
      let depths = Self.depths(drops, image), lit = zip(drops, depths).map { $0 * $1 }
      let top = max(lit.max() ?? 0, 1e-9), thick = lit.map { 0.55 * $0 / top }
      let water = image.channels == 3 ? [175 / 255.0, 238 / 255.0, 238 / 255.0] : [0.9]
      for i in pixels.indices {
        pixels[i] += Float(c[4] * thick[i % count] * water[min(i / count, water.count - 1)])
      }
    }
  }

  /// How many steps every pixel is from the edge of its drop; 0 outside.
  private static func depths(_ drops: [Double], _ image: ImageShape) -> [Double] {
    let (height, width) = (image.height, image.width)
    var depth = drops.map { $0 > 0 ? 1.0 : 0 }
    for level in 1..<max(min(height, width) / 2, 2) {
      let inner = depth.indices.filter { i in
        let (y, x) = (i / width, i % width)
        guard depth[i] == Double(level) else { return false }
        return [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)].allSatisfy { v, u in
          !(0..<height).contains(v) || !(0..<width).contains(u) || depth[v * width + u] >= Double(level)
        }
      }
      guard !inner.isEmpty else { break }
      for i in inner { depth[i] += 1 }
    }
    return depth
  }
}
