import DitherBasics
import DitherTensor

/// A change of images without an adversary, at five severities.
public protocol Corruption: Codable, Sendable {
  /// Its name in batteries, reports and `--help`, as the field writes it.
  static var name: String { get }
  /// One line for `--help`.
  static var summary: String { get }
  init()
  /// - Throws: when a parameter is out of its range, by its name.
  func validate() throws(RobustnessError)
  /// The subject of the corruption, for lists.
  static var group: CorruptionGroup { get }
  /// The published protocols whose mean it is in.
  static var protocols: Set<CorruptionConstants> { get }
  /// Protocols that publish it beside the ones of their mean.
  static var extraIn: Set<CorruptionConstants> { get }
  /// Whether it needs rows and columns; else any list of numbers will do.
  static var needsPicture: Bool { get }
  /// How optional parameters said that they are not given before they were optional: `sigma=0`. They are still read so.
  static var formerDefaults: [String: String] { get }
  /// Whether its parameters set the strength, whatever the severity.
  var hasOwnStrength: Bool { get }
  /// The constants that a severity stands for, by name, as reports show them.
  func strength(severity: Int, of image: ImageShape) -> [String: Double]

  /// Changes one image, planar, in [0, 1]; the caller clamps what leaves it.
  /// - Parameters:
  ///   - severity: 1 to 5.
  ///   - address: the example's own; the same at every severity, so that severities differ in strength alone.
  func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress)
}

extension Catalog where Entry == any Corruption.Type {
  /// All corruptions, the published ones first.
  public static let corruptions = Catalog(
    "corruption",
    [
      GaussianNoise.self, ShotNoise.self, ImpulseNoise.self, DefocusBlur.self, GlassBlur.self, MotionBlur.self,
      ZoomBlur.self,
      Snow.self, Frost.self, Fog.self, Brightness.self, Contrast.self, ElasticTransform.self, Pixelate.self,
      JpegCompression.self, SpeckleNoise.self, GaussianBlur.self, Spatter.self, Saturate.self, SaltAndPepper.self,
      Shear.self,
      Scale.self, Rotate.self, Translate.self, Stripe.self, Inverse.self, Line.self, DottedLine.self, Zigzag.self,
      CannyEdges.self, Quantize.self,
    ], name: { $0.name })
}

/// A published protocol: whose constants the severities stand for.
public enum CorruptionConstants: String, Codable, Sendable, CaseIterable {
  /// CIFAR-10-C: Hendrycks and Dietterich 2019, arXiv 1903.12261. Color, 32 × 32.
  case cifar10c = "cifar-10-c"
  /// MNIST-C: Mu and Gilmer 2019, arXiv 1906.02337. Gray, 28 × 28.
  case mnistc = "mnist-c"
  /// ImageNet-C: Hendrycks and Dietterich 2019, arXiv 1903.12261. Color, 224 × 224. MNIST-C took its constants over.
  case imagenetc = "imagenet-c"

  /// As its authors write it.
  public var title: String {
    switch self {
    case .cifar10c: "CIFAR-10-C"
    case .mnistc: "MNIST-C"
    case .imagenetc: "ImageNet-C"
    }
  }

  /// Channels, rows and columns of the pictures that it was published for.
  private var extents: [Int] {
    switch self {
    case .cifar10c: [3, 32, 32]
    case .mnistc: [1, 28, 28]
    case .imagenetc: [3, 224, 224]
    }
  }

  /// Whether figures on such pictures may bear its name.
  public func covers(_ image: ImageShape) -> Bool { extents == [image.channels, image.height, image.width] }

  /// The constants for the pictures most like this one: for a color picture by its side, with the middle between 32 and
  /// 224 in ratio as the border.
  init(for image: ImageShape) {
    guard image.channels == 3 else {
      self = .mnistc
      return
    }
    self = image.height * image.width <= 32 * 224 ? .cifar10c : .imagenetc
  }

  /// The corruptions of its mean, in the catalog's order.
  public var corruptions: [String] {
    Catalog<any Corruption.Type>.corruptions.entries.filter { $0.protocols.contains(self) }.map { $0.name }
  }
  /// Corruptions that it has beside them.
  public var extras: [String] {
    Catalog<any Corruption.Type>.corruptions.entries.filter { $0.extraIn.contains(self) }.map { $0.name }
  }
}

/// The subject of a corruption.
public enum CorruptionGroup: String, Codable, Sendable, CaseIterable { case noise, blur, weather, digital, shape }

extension Corruption {
  public func validate() throws(RobustnessError) {}
  public var hasOwnStrength: Bool { false }
  public static var needsPicture: Bool { true }
  public static var formerDefaults: [String: String] { [:] }
  public static var protocols: Set<CorruptionConstants> { [] }
  public static var extraIn: Set<CorruptionConstants> { [] }

  /// - Parameters:
  ///   - inputs: [B, …] in [0, 1].
  ///   - identities: which examples of the data these are; an example's corruption does not depend on its company.
  /// - Returns: the same shape, in [0, 1]. Color images hold whole levels of a byte, cut off and not rounded, as the
  ///   published code of CIFAR-10-C does; gray ones stay as they are, as in MNIST-C.
  public func apply(
    to inputs: Tensor, identities: [UInt64], severity: Int, seed: UInt64, constants: CorruptionConstants? = nil
  ) -> Tensor {
    precondition((1...5).contains(severity) && identities.count == inputs.rowCount, "severities are 1 to 5")
    var image = ImageShape(inputs.shape.row)
    image.constants = constants ?? image.constants
    return Tensor(inputs.shape) { out in
      inputs.elements.withUnsafeBufferPointer { _ = out.update(fromContentsOf: $0) }
      forEachRow(of: out, length: inputs.rowLength) { row, index in
        image.turn(row, .toPlanes)
        corrupt(row, of: image, severity: severity, at: NoiseAddress(seed: mixSeed(seed, identities[index])))
        image.turn(row, .fromPlanes)
        for i in row.indices {
          let value = min(max(row[i], 0), 1)
          row[i] = image.channels == 3 ? (value * 255).rounded(.down) / 255 : value
        }
      }
    }
  }
}

/// How the numbers of an example lie as an image: rows from the top, by planes of channels or pixel by pixel.
public struct ImageShape: Sendable, Equatable {
  /// 1 or 3; 1 of what is no picture.
  public var channels: Int
  /// Rows.
  public var height: Int
  /// Columns.
  public var width: Int
  /// A pixel's channels lie side by side: [H, W, C].
  public private(set) var isChannelsLast = false
  /// By kind and size: ``CorruptionConstants/init(for:)``.
  public var constants = CorruptionConstants.mnistc

  /// The constant of a severity.
  /// - Parameter imagenet: MNIST-C's as well.
  func constant<Value>(_ severity: Int, cifar: [Value], imagenet: [Value]) -> Value {
    (constants == .cifar10c ? cifar : imagenet)[severity - 1]
  }

  /// The shape of one example: [C, H, W] or [H, W, C] with C of 1 or 3, [H, W], or a flat [D] whose D (or a third of
  /// it) is a square, by planes. What is none of these counts as one gray row.
  public init(_ shape: Shape) {
    let d = shape.dimensions
    defer { constants = CorruptionConstants(for: self) }
    func side(_ count: Int) -> Int? {
      let root = Int(Double(count).squareRoot().rounded())
      return root * root == count && root > 1 ? root : nil
    }
    switch d.count {
    case 3 where d[0] == 1 || d[0] == 3: (channels, height, width) = (d[0], d[1], d[2])
    case 3 where d[2] == 1 || d[2] == 3:
      (channels, height, width) = (d[2], d[0], d[1])
      isChannelsLast = d[2] > 1
    case 2: (channels, height, width) = (1, d[0], d[1])
    default:
      if d.count == 1, let root = side(d[0]) {
        (channels, height, width) = (1, root, root)
      } else if d.count == 1, d[0] % 3 == 0, let root = side(d[0] / 3) {
        (channels, height, width) = (3, root, root)
      } else {
        (channels, height, width) = (1, 1, shape.count)
      }
    }
  }

  /// Where a channel's pixel lies in the example.
  func place(_ channel: Int, _ row: Int, _ column: Int) -> Int {
    isChannelsLast ? (row * width + column) * channels + channel : (channel * height + row) * width + column
  }

  enum Turn { case toPlanes, fromPlanes }

  /// Brings an example's numbers to planes, or back to how the model takes them.
  func turn(_ pixels: UnsafeMutableBufferPointer<Float>, _ turn: Turn) {
    guard isChannelsLast else { return }
    let from = Array(pixels), count = height * width
    for channel in 0..<channels {
      for pixel in 0..<count {
        let plane = channel * count + pixel, own = pixel * channels + channel
        if turn == .toPlanes { pixels[plane] = from[own] } else { pixels[own] = from[plane] }
      }
    }
  }

  /// Whether it can be shown as a picture.
  public var isPicture: Bool { height > 1 && width > 1 && height * width <= 1 << 18 }
}
