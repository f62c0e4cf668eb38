import DitherTensor

/// JPEG's loss at a quality.
public struct JpegCompression: Corruption {
  public static let name = "jpeg_compression"
  public static let summary = "JPEG"
  public static let group = CorruptionGroup.digital
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    ["quality": image.constant(severity, cifar: [80, 65, 58, 50, 40], imagenet: [25, 18, 15, 10, 7])]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let quality = Int(strength(severity: severity, of: image)["quality"] ?? 50), picture = Picture(pixels, image)
    let bytes = picture.planes.map { $0.map { Int((min(max($0, 0), 1) * 255 + 1e-4).rounded(.down)) } }
    let found = Jpeg.roundTrip(bytes, image.height, image.width, quality: quality)
    for (channel, plane) in found.enumerated() {
      for (i, value) in plane.enumerated() { pixels[channel * plane.count + i] = Float(value) / 255 }
    }
  }
}
