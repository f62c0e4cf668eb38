import DitherTensor

/// A camera that moves towards its object: the mean of the image and of its centers, enlarged step by step.
public struct ZoomBlur: Corruption {
  public static let name = "zoom_blur"
  public static let summary = "a camera that moves towards its object"
  public static let group = CorruptionGroup.blur
  public static let protocols: Set<CorruptionConstants> = [.cifar10c, .imagenetc]
  public init() {}

  /// How many enlargements, 1 the first of them, and the step between two. The counts are those of the published loops,
  /// whose ends in floating point are not always what they say.
  private static func constants(_ severity: Int, _ image: ImageShape) -> (count: Int, step: Double) {
    image.constant(
      severity, cifar: [(7, 0.01), (12, 0.01), (16, 0.01), (21, 0.01), (26, 0.01)],
      imagenet: [(12, 0.01), (16, 0.01), (11, 0.02), (13, 0.02), (11, 0.03)])
  }

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    let (count, step) = Self.constants(severity, image)
    return ["factor": 1 + Double(count - 1) * step]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let (count, step) = Self.constants(severity, image), (height, width) = (image.height, image.width)
    // As the published loop counts: at 1.25 its sum of steps is a little more, and rounds to a row more.
    let factors = (0..<count).map { 1 + Double($0) * ((1 + step) - 1) }
    let axes = factors.map { (Self.axis(height, $0), Self.axis(width, $0)) }
    Picture(pixels, image).mapPlanes { plane in
      var sum = plane
      for (down, along) in axes { Resampling.Zoom.add(plane, width, down, along, to: &sum) }
      return sum.map { $0 / Double(count + 1) }
    }.write(to: pixels)
  }

  /// The center, as large as the whole.
  static func enlarged(_ plane: [Double], _ height: Int, _ width: Int, _ factor: Double) -> [Double] {
    var out = [Double](repeating: 0, count: plane.count)
    Resampling.Zoom.add(plane, width, axis(height, factor), axis(width, factor), to: &out)
    return out
  }

  private static func axis(_ length: Int, _ factor: Double) -> Resampling.Zoom {
    let part = Int((Double(length) / factor).rounded(.up)), start = (length - part) / 2
    let large = Int((Double(part) * factor).rounded(.toNearestOrEven)), first = (large - length) / 2
    return Resampling.Zoom(start..<start + part, to: large, shown: first..<first + length)
  }
}
