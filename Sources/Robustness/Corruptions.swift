import DitherBasics
import DitherTensor

/// What happens to images without an adversary, at five severities.
public protocol Corruption: Codable, Sendable {
  /// Its name in batteries, reports and `--help`, as the field writes it.
  static var name: String { get }
  /// One line for `--help`.
  static var summary: String { get }
  init()
  /// - Throws: when a parameter is out of its range, by its name.
  func validate() throws(RobustnessError)
  static var group: CorruptionGroup { get }
  /// Whether it needs rows and columns; else any list of numbers will do.
  static var needsPicture: Bool { get }
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

/// Whose constants the severities stand for.
public enum CorruptionConstants: String, Codable, Sendable, CaseIterable {
  /// CIFAR-10-C: Hendrycks and Dietterich 2019, arXiv 1903.12261.
  case cifar10c = "cifar-10-c"
  /// MNIST-C: Mu and Gilmer 2019, arXiv 1906.02337.
  case mnistc = "mnist-c"
}

/// What a corruption is about.
public enum CorruptionGroup: String, Codable, Sendable, CaseIterable { case noise, blur, weather, digital, shape }

extension Corruption {
  public func validate() throws(RobustnessError) {}
  public var hasOwnStrength: Bool { false }
  public static var needsPicture: Bool { true }

  /// - Parameters:
  ///   - inputs: [B, …] in [0, 1].
  ///   - identities: which examples of the data these are; an example's corruption does not depend on its company.
  /// - Returns: the same shape, in [0, 1]. Colour images hold whole levels of a byte, cut off and not rounded, as the
  ///   published code of CIFAR-10-C does; grey ones stay as they are, as in MNIST-C.
  public func apply(
    to inputs: Tensor, identities: [UInt64], severity: Int, seed: UInt64, constants: CorruptionConstants? = nil
  ) -> Tensor {
    precondition((1...5).contains(severity) && identities.count == inputs.rowCount, "severities are 1 to 5")
    var image = ImageShape(inputs.shape.row)
    image.constants = constants ?? image.constants
    return Tensor(inputs.shape) { out in
      inputs.elements.withUnsafeBufferPointer { _ = out.update(fromContentsOf: $0) }
      forEachRow(of: out, length: inputs.rowLength) { row, index in
        corrupt(row, of: image, severity: severity, at: NoiseAddress(seed: mixSeed(seed, identities[index])))
        for i in row.indices {
          let value = min(max(row[i], 0), 1)
          row[i] = image.channels == 3 ? (value * 255).rounded(.down) / 255 : value
        }
      }
    }
  }
}

/// How the numbers of an example lie as an image: planar, rows from the top.
public struct ImageShape: Sendable, Equatable {
  public var channels: Int
  public var height: Int
  public var width: Int
  /// Colour pictures take those of CIFAR-10-C, grey ones those of MNIST-C.
  public var constants: CorruptionConstants

  /// The constant of a severity.
  func constant<Value>(_ severity: Int, cifar: [Value], mnist: [Value]) -> Value {
    (constants == .cifar10c ? cifar : mnist)[severity - 1]
  }

  /// Of one example: [C, H, W], [H, W], or a flat [D] whose D (or a third of it) is a square. What is none of these counts
  /// as one grey row.
  public init(_ shape: Shape) {
    let d = shape.dimensions
    constants = .mnistc
    defer { constants = channels == 3 ? .cifar10c : .mnistc }
    func side(_ count: Int) -> Int? {
      let root = Int(Double(count).squareRoot().rounded())
      return root * root == count && root > 1 ? root : nil
    }
    switch d.count {
    case 3 where d[0] == 1 || d[0] == 3: (channels, height, width) = (d[0], d[1], d[2])
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

  /// Whether it can be shown as a picture.
  public var isPicture: Bool { height > 1 && width > 1 && height * width <= 1 << 18 }
}
