import DitherTensor

/// A camera that moves towards its object: the mean of the image and of its centres, enlarged step by step.
public struct ZoomBlur: Corruption {
  public static let name = "zoom_blur"
  public static let summary = "a camera that moves towards its object"
  public static let group = CorruptionGroup.blur
  public init() {}

  /// How many enlargements, 1 the first of them, and the step between two. The counts are those of the published loops, whose ends
  /// in floating point are not always what they say.
  private static func constants(_ severity: Int, _ image: ImageShape) -> (count: Int, step: Double) {
    image.constant(
      severity, cifar: [(7, 0.01), (12, 0.01), (16, 0.01), (21, 0.01), (26, 0.01)],
      mnist: [(12, 0.01), (16, 0.01), (11, 0.02), (13, 0.02), (11, 0.03)])
  }

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    let (count, step) = Self.constants(severity, image)
    return ["factor": 1 + Double(count - 1) * step]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let (count, step) = Self.constants(severity, image), (height, width) = (image.height, image.width)
    Picture(pixels, image).mapPlanes { plane in
      var sum = plane
      for number in 0..<count {
        // As the published loop counts: at 1.25 its sum of steps is a little more, and rounds to a row more.
        let enlarged = Self.enlarged(plane, height, width, 1 + Double(number) * ((1 + step) - 1))
        for i in sum.indices { sum[i] += enlarged[i] }
      }
      return sum.map { $0 / Double(count + 1) }
    }.write(to: pixels)
  }

  /// The centre, as large as the whole.
  static func enlarged(_ plane: [Double], _ height: Int, _ width: Int, _ factor: Double) -> [Double] {
    let h = Int((Double(height) / factor).rounded(.up)), w = Int((Double(width) / factor).rounded(.up))
    let top = (height - h) / 2, left = (width - w) / 2
    let centre = (0..<h * w).map { plane[(top + $0 / w) * width + left + $0 % w] }
    let tall = Int((Double(h) * factor).rounded(.toNearestOrEven)),
      wide = Int((Double(w) * factor).rounded(.toNearestOrEven))
    let large = Resampling.zoom(centre, h, w, to: tall, wide)
    let (y0, x0) = ((tall - height) / 2, (wide - width) / 2)
    return (0..<height * width).map { large[(y0 + $0 / width) * wide + x0 + $0 % width] }
  }
}
