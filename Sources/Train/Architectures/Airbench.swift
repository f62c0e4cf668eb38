import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// The network of fast CIFAR-10 training: a frozen 2 × 2 convolution that whitens the training's patches, three blocks
/// of two 3 × 3 convolutions that begin as the identity, each normalized without a learned scale and followed by a
/// GELU, max-pooling, and one dense layer, whose logits are scaled. Source: Jordan 2024, arXiv 2404.00498.
public struct Airbench: Architecture {
  public static let name = "airbench"
  /// The blocks' channels.
  public var channels = [64, 256, 256]
  /// A factor on the logits, above 0.
  public var scale = 1.0 / 9
  public init() {}
  public func check() throws(CatalogError) {
    try require(channels, "channels", atLeast: 1)
    try require((1...4).contains(channels.count), "channels", "1 to 4 numbers", channels)
    try require(scale > 0 && scale <= 1000, "scale", "above 0, to 1000", scale)
  }

  /// Normalizations keep their scale of 1, and the whitening is the data's.
  public var frozen: [String] { ["input.mean", "input.deviation", "whitening.weight", "*.norm.scale", "logits.scale"] }

  public func build(input: Shape, outputs: Int, seed: UInt64) throws -> Graph {
    let least = (1 << channels.count) + 1
    guard input.rank == 3, min(input[1], input[2]) >= least, input[0] <= 4 else {
      throw TrainError(
        .recipe, at: "model \(Self.name)",
        expected: "images [channels, H, W] of at most 4 channels and at least \(least) pixels a side", got: "\(input)")
    }
    let builder = GraphBuilder(name: Self.name)
    var initializer = Initializer(seed: seed)
    func convolution(_ x: Value, _ from: Int, _ to: Int, _ name: String) throws -> Value {
      let weight = try initializer.dirac([to, from, 3, 3])
      return try builder.convolution(x, builder.parameter("\(name).weight", weight), nil, padding: 1, name: name)
    }
    func activation(_ x: Value, _ channels: Int, _ name: String) throws -> Value {
      try builder.gelu(
        builder.batchNormalization(x, channels: channels, name: "\(name).norm"), name: "\(name).gelu")
    }
    let depth = input[0], plane: Shape = [depth, 1, 1]
    let mean = builder.parameter("input.mean", Tensor(zeros: plane))
    let deviation = builder.parameter("input.deviation", Tensor(plane, repeating: 1))
    var x = builder.input("input", input.dimensions)
    x = try builder.divide(builder.subtract(x, mean), deviation, name: "normalized")
    var from = 8 * depth
    let whitening = try builder.parameter("whitening.weight", initializer.weights([from, depth, 2, 2]))
    let bias = builder.parameter("whitening.bias", Tensor(zeros: [from]))
    x = try builder.gelu(builder.convolution(x, whitening, bias, name: "whitening"), name: "whitening.gelu")
    var (height, width) = (input[1] - 1, input[2] - 1)
    for (block, to) in channels.enumerated() {
      let name = "block\(block)"
      x = try builder.maxPool(convolution(x, from, to, "\(name).conv0"), 2, name: "\(name).pool")
      x = try activation(x, to, "\(name).conv0")
      x = try activation(convolution(x, to, to, "\(name).conv1"), to, "\(name).conv1")
      (from, height, width) = (to, height / 2, width / 2)
    }
    x = try builder.flatten(builder.globalMaxPool(x, name: "pool"))
    let weight = try builder.parameter("logits.weight", initializer.weights([outputs, from]))
    let scores = try builder.dense(x, weight, nil, name: "dense")
    let factor = builder.constant(.float(Tensor([], [Float(scale)])), "logits.scale")
    return builder.finish(outputs: [("logits", try builder.multiply(scores, factor, name: "logits"))])
  }

  /// Means and deviations of the channels, and the filters that whiten what comes of them.
  public func adapt(_ graph: inout Graph, to inputs: Tensor, _ targets: Targets) {
    let depth = inputs.shape[1], pixels = inputs.shape[2] * inputs.shape[3], rows = inputs.rowCount
    var means = [Double](repeating: 0, count: depth), squares = means
    inputs.elements.withUnsafeBufferPointer { elements in
      for row in 0..<rows {
        for channel in 0..<depth {
          let start = (row * depth + channel) * pixels
          for at in start..<start + pixels {
            means[channel] += Double(elements[at])
            squares[channel] += Double(elements[at]) * Double(elements[at])
          }
        }
      }
    }
    let count = Double(max(rows * pixels, 1))
    means = means.map { $0 / count }
    // A channel that is constant keeps its unit.
    let deviations = zip(squares, means).map { square, mean in
      let variance = square / count - mean * mean
      return variance > 1e-12 ? variance.squareRoot() : 1
    }
    let normalized = Tensor(
      inputs.shape,
      inputs.elements.enumerated().map { at, value in
        let channel = at / pixels % depth
        return Float((Double(value) - means[channel]) / deviations[channel])
      })
    graph.set("input.mean", Tensor([depth, 1, 1], means.map { Float($0) }))
    graph.set("input.deviation", Tensor([depth, 1, 1], deviations.map { Float($0) }))
    graph.set("whitening.weight", Whitening.filters(of: normalized, size: 2))
  }
}

extension Graph {
  /// Other numbers for a float constant of this name and shape.
  fileprivate mutating func set(_ name: String, _ tensor: Tensor) {
    for (id, literal) in literals where valueNames[id.index] == name && literal.type.shape == tensor.shape {
      literals[id] = .float(tensor)
    }
  }
}
