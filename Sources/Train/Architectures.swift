import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// A network to train, before it has weights.
public protocol Architecture: Codable, Sendable, Ranged {
  /// Its name in recipes.
  static var name: String { get }
  /// The defaults, over which a recipe's parameters are laid.
  init()
  /// - Parameters:
  ///   - input: the shape of one example.
  ///   - outputs: numbers of one answer: class scores, or values.
  ///   - seed: of the first weights.
  /// - Returns: a graph with one input "input" and one output "logits" [batch, outputs].
  func build(input: Shape, outputs: Int, seed: UInt64) throws -> Graph
  /// Patterns of names of parameters that training leaves as they are, in which `*` stands for any letters.
  var frozen: [String] { get }
  /// Takes from the training's inputs [N, …], at least one, and their targets, scaled as the network is trained on
  /// them, what the network begins with.
  /// - Throws: where it is for other data.
  func adapt(_ graph: inout Graph, to inputs: Tensor, _ targets: Targets) throws
  /// The same for the data at hand; by default as it is.
  /// - Parameter words: numbers of words that there are; nil: the inputs are no texts.
  /// - Throws: where it is for data of another kind.
  func fitted(to words: Int?) throws(TrainError) -> any Architecture
}

extension Architecture {
  public var frozen: [String] { [] }
  public func adapt(_ graph: inout Graph, to inputs: Tensor, _ targets: Targets) throws {}
  /// As it is.
  public func fitted(to words: Int?) throws(TrainError) -> any Architecture { self }
}

extension Catalog where Entry == any Architecture.Type {
  /// Every architecture that a recipe may name.
  public static let architectures = Catalog(
    "architecture", [MLP.self, CNN.self, ResNet.self, ResNet9.self, Airbench.self, TextCNN.self, Neighbors.self],
    name: { $0.name })
}

/// The normalization of a layer's values, before its ReLU.
public enum Normalization: String, Codable, Sendable, CaseIterable {
  case none
  /// By the batch's own mean and variance in training, by running ones after it, then a learned scale and shift. The
  /// layer has no bias. Source: Ioffe and Szegedy 2015, arXiv 1502.03167.
  case batch
}

/// First weights: N(0, 2 / inputs), He et al. 2015, arXiv 1502.01852; biases 0.
struct Initializer {
  let seed: UInt64
  private var layer: UInt32 = 0
  init(seed: UInt64) { self.seed = seed }

  /// Numbers of a network that is trained here, 1 GiB with their gradients.
  static let mostWeights = 1 << 27
  private var total = 0

  /// A convolution that begins with its input, as far as it has channels for it, and else with N(0, 1 / 3 inputs).
  /// Source: Zagoruyko and Komodakis 2017, arXiv 1706.00388.
  /// - Parameter shape: [outputs, inputs, H, W].
  mutating func dirac(_ shape: Shape) throws(TrainError) -> Tensor {
    let found = try weights(shape, gain: 1.0 / 3), length = shape.row.count, plane = shape[2] * shape[3]
    var elements = Array(found.elements)
    for channel in 0..<min(shape[0], shape[1]) {
      for at in 0..<length { elements[channel * length + at] = at == channel * plane + plane / 2 ? 1 : 0 }
    }
    return Tensor(shape, elements)
  }

  /// - Parameter gain: variance times inputs.
  /// - Throws: where all weights together would be more than ``mostWeights``.
  mutating func weights(_ shape: Shape, gain: Float = 2) throws(TrainError) -> Tensor {
    layer += 1
    guard let count = shape.checkedCount, count <= Self.mostWeights - total else {
      throw TrainError(
        .recipe, at: "recipe, 'model'", expected: "at most \(Self.mostWeights) weights", got: "more, with \(shape)",
        advice: "make layers narrower, or fewer")
    }
    total += count
    let deviation = (gain / Float(max(shape.row.count, 1))).squareRoot()
    let draws = NoiseAddress(seed: mixSeed(seed, 0x1217), site: layer).normals(shape.count)
    return Tensor(shape, draws.map { deviation * $0 })
  }
}

extension GraphBuilder {
  /// Dense layers with ReLUs between, their weights first and biases at 0; the last one is the network's logits.
  /// - Parameters:
  ///   - features: of a row of `x`.
  ///   - hidden: the widths of all layers but the last.
  ///   - normalization: of the hidden layers.
  ///   - relu: how the names of the ReLUs begin.
  func denseLayers(
    _ x: Value, features: Int, hidden: [Int], outputs: Int, normalization: Normalization, relu name: String,
    _ initializer: inout Initializer
  ) throws -> Value {
    var x = x, features = features
    for (index, next) in (hidden + [outputs]).enumerated() {
      let weight = try parameter("dense\(index).weight", initializer.weights([next, features]))
      let isLast = index == hidden.count, isNormalized = !isLast && normalization == .batch
      let bias = isNormalized ? nil : parameter("dense\(index).bias", Tensor(zeros: [next]))
      x = try dense(x, weight, bias, name: isLast ? "logits" : "dense\(index)")
      if isNormalized { x = try batchNormalization(x, channels: next, name: "dense\(index).norm") }
      if !isLast { x = try relu(x, name: "\(name)\(index)") }
      features = next
    }
    return x
  }
}

extension Architecture {
  /// Widths or channels of layers: few enough to be built, each at least 1.
  func require(_ widths: [Int], _ parameter: String, atLeast least: Int = 0) throws(CatalogError) {
    try require(
      (least...64).contains(widths.count) && widths.allSatisfy { (1...1 << 16).contains($0) }, parameter,
      "\(least) to 64 numbers from 1 to \(1 << 16)", widths)
  }
}
