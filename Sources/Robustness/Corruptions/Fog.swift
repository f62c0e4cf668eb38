import DitherTensor

/// A cloud in front of the picture, whose lightest place stays as light as it was.
public struct Fog: Corruption {
  public static let name = "fog"
  public static let summary = "a cloud in front of the picture"
  public static let group = CorruptionGroup.weather
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc, .mnistc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    let (amount, decay) = image.constant(
      severity, cifar: [(0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)],
      imagenet: [(1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)])
    return ["amount": amount, "decay": decay]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let strength = strength(severity: severity, of: image), amount = strength["amount"] ?? 0
    // A cloud of CIFAR's size for its pictures, a corner of a large one for MNIST's, as published.
    var side = image.constants == .cifar10c ? 2 : 256
    while side < max(image.height, image.width) { side *= 2 }
    let cloud = Plasma.field(side: side, decay: strength["decay"] ?? 2, at: address)
    let top = Double(pixels.max() ?? 1)
    for i in pixels.indices {
      let place = i % (image.height * image.width)
      let fog = cloud[place / image.width * side + place % image.width]
      pixels[i] = Float((Double(pixels[i]) + amount * fog) * top / max(top + amount, .leastNormalMagnitude))
    }
  }
}
