import DitherTensor

/// Pixels change places with near neighbors, between two blurs: frosted glass.
///
/// Deviation that is kept: the published code of CIFAR-10-C and ImageNet-C copies a neighbor's pixel over a color
/// pixel and leaves the neighbor as it is, as its exchange goes through views of one array. MNIST-C's pixels are
/// numbers, and are exchanged, each with probability ½.
public struct GlassBlur: Corruption {
  public static let name = "glass_blur"
  public static let summary = "frosted glass: neighbors exchanged between two blurs"
  public static let group = CorruptionGroup.blur
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc, .mnistc]
  public init() {}

  private static func constants(_ severity: Int, _ image: ImageShape) -> (sigma: Double, reach: Int, rounds: Int) {
    image.constant(
      severity, cifar: [(0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)],
      imagenet: [(0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)])
  }

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    let (sigma, reach, rounds) = Self.constants(severity, image)
    return ["sigma": sigma, "reach": Double(reach), "rounds": Double(rounds)]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let (sigma, reach, rounds) = Self.constants(severity, image), copies = image.constants != .mnistc
    var picture = Picture(pixels, image).blurred(sigma: sigma).levels
    let chance = address.uniforms(3 * rounds * image.height * image.width)
    var next = 0
    for _ in 0..<rounds {
      for y in stride(from: image.height - reach, to: reach, by: -1) {
        for x in stride(from: image.width - reach, to: reach, by: -1) {
          // From −reach to reach − 1.
          let dx = Int(chance[next] * Float(2 * reach)) - reach, dy = Int(chance[next + 1] * Float(2 * reach)) - reach
          let isExchanged = copies || chance[next + 2] < 0.5
          next += 3
          guard isExchanged, y < image.height, x < image.width else { continue }
          let here = y * image.width + x, there = (y + dy) * image.width + x + dx
          for channel in picture.planes.indices {
            let own = picture.planes[channel][here]
            picture.planes[channel][here] = picture.planes[channel][there]
            if !copies { picture.planes[channel][there] = own }
          }
        }
      }
    }
    picture.blurred(sigma: sigma).write(to: pixels)
  }
}
