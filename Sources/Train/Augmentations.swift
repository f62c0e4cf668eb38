import DitherBasics
import DitherGraph
import DitherTensor

/// A change to a training picture that leaves its class: each picture of a batch is changed anew at each step.
///
/// Its properties are its parameters: keys of its item in a recipe's `augment`. An augmentation is one file and one
/// line below. They act in the recipe's order, before strategies and noise.
public protocol Augmentation: Codable, Sendable, Ranged {
  /// Its name in recipes, as the field writes it.
  static var name: String { get }
  /// The defaults, over which a recipe's parameters are laid.
  init()
  /// Changes a picture in place.
  func apply(_ picture: inout Picture, _ chance: inout Chance)
}

extension Catalog where Entry == any Augmentation.Type {
  /// Every augmentation that a recipe may name.
  public static let augmentations = Catalog(
    "augmentation", [Flip.self, Shift.self, Crop.self, Cutout.self, Rotation.self, RandAugment.self],
    name: { $0.name })
}

/// A picture of a batch: [channels, height, width].
public struct Picture {
  /// Row by row, channel by channel.
  public var pixels: [Float]
  /// The picture's shape.
  public let channels: Int, height: Int, width: Int
  /// Which of the examples of the training it is, and which time it is seen, from 0.
  public let example: Int, epoch: Int

  /// - Parameter pixels: as many as channels · height · width.
  public init(pixels: [Float], channels: Int, height: Int, width: Int, example: Int, epoch: Int) {
    precondition(pixels.count == channels * height * width, "a number for each pixel of each channel")
    (self.pixels, self.channels, self.height, self.width) = (pixels, channels, height, width)
    (self.example, self.epoch) = (example, epoch)
  }

  /// Every pixel becomes what another place of the old picture shows: bilinear, 0 outside.
  /// - Parameter source: the place (x, y) for a pixel's (x, y).
  mutating func resample(_ source: (Float, Float) -> (Float, Float)) {
    let old = pixels
    func at(_ channel: Int, _ y: Int, _ x: Int) -> Float {
      (0..<height).contains(y) && (0..<width).contains(x) ? old[(channel * height + y) * width + x] : 0
    }
    for y in 0..<height {
      for x in 0..<width {
        let (fromX, fromY) = source(Float(x), Float(y))
        let left = fromX.rounded(.down), top = fromY.rounded(.down), u = fromX - left, v = fromY - top
        guard abs(left) < 1e6, abs(top) < 1e6 else { continue }
        let (x0, y0) = (Int(left), Int(top))
        for channel in 0..<channels {
          let upper = (1 - u) * at(channel, y0, x0) + u * at(channel, y0, x0 + 1)
          let lower = (1 - u) * at(channel, y0 + 1, x0) + u * at(channel, y0 + 1, x0 + 1)
          pixels[(channel * height + y) * width + x] = (1 - v) * upper + v * lower
        }
      }
    }
  }
}

/// Numbers of one picture at one step, uniform on (0, 1), one after the other.
public struct Chance {
  private let address: NoiseAddress
  private var index = 0
  public init(_ address: NoiseAddress) { self.address = address }

  /// The next one.
  public mutating func uniform() -> Float {
    defer { index += 1 }
    return address.uniform(index)
  }
  /// The next one, uniform on a range.
  public mutating func uniform(_ range: ClosedRange<Float>) -> Float {
    range.lowerBound + uniform() * (range.upperBound - range.lowerBound)
  }
  /// A whole number of a range, all alike.
  public mutating func number(_ range: ClosedRange<Int>) -> Int {
    min(range.lowerBound + Int(uniform() * Float(range.count)), range.upperBound)
  }
}

/// The augmentations of a recipe, on its pictures.
struct Augmenting: Sendable {
  private let items: [any Augmentation]
  private let shape: Shape

  /// - Parameter shape: of one example.
  /// - Throws: where examples are no pictures.
  init(_ items: [any Augmentation], on shape: Shape) throws(TrainError) {
    guard items.isEmpty || shape.rank == 3 else {
      throw TrainError(
        .data, at: "recipe, 'augment'", expected: "pictures [channels, H, W]", got: "examples of \(shape)")
    }
    self.items = items
    self.shape = shape
  }

  /// - Parameter epoch: which time the examples are seen.
  func apply(_ batch: inout Batch, at position: StepPosition, epoch: Int) {
    guard !items.isEmpty else { return }
    let length = shape.count, seed = mixSeed(position.seed, 0xA06, UInt64(position.number))
    let old = batch.inputs, examples = batch.examples
    batch.inputs = Tensor(old.shape) { out in
      for (row, example) in examples.enumerated() {
        var picture = Picture(
          pixels: Array(old.elements[row * length..<(row + 1) * length]), channels: shape[0], height: shape[1],
          width: shape[2], example: example, epoch: epoch)
        for (index, item) in items.enumerated() {
          var chance = Chance(
            NoiseAddress(seed: seed, site: UInt32(index), sample: UInt32(truncatingIfNeeded: row)))
          item.apply(&picture, &chance)
        }
        _ = UnsafeMutableBufferPointer(rebasing: out[row * length..<(row + 1) * length])
          .update(fromContentsOf: picture.pixels)
      }
    }
  }
}
