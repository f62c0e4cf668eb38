import DitherBasics
import DitherGraph
import DitherTensor

/// 3 × 3 convolutions with ReLU and 2 × 2 max-pooling, then dense layers.
public struct CNN: Architecture {
  public static let name = "cnn"
  /// The channels of the convolutions.
  public var channels = [32, 64]
  /// The widths of the hidden dense layers.
  public var hidden = [128]
  /// Between each hidden layer and its ReLU.
  public var normalization = Normalization.none
  public init() {}
  public func check() throws(CatalogError) {
    try require(channels, "channels")
    try require(hidden, "hidden")
  }

  public func build(input: Shape, outputs: Int, seed: UInt64) throws -> Graph {
    guard input.rank == 3, min(input[1], input[2]) >> channels.count >= 1 else {
      throw TrainError(
        .recipe, at: "model cnn", expected: "images [channels, H, W] of at least \(1 << channels.count) pixels a side",
        got: "\(input)")
    }
    let builder = GraphBuilder(name: Self.name)
    var initializer = Initializer(seed: seed)
    var x = builder.input("input", input.dimensions), depth = input[0], height = input[1], width = input[2]
    for (index, next) in channels.enumerated() {
      let weight = try builder.parameter("conv\(index).weight", initializer.weights([next, depth, 3, 3]))
      let isNormalized = normalization == .batch
      let bias = isNormalized ? nil : builder.parameter("conv\(index).bias", Tensor(zeros: [next]))
      x = try builder.convolution(x, weight, bias, padding: 1, name: "conv\(index)")
      if isNormalized { x = try builder.batchNormalization(x, channels: next, name: "conv\(index).norm") }
      x = try builder.maxPool(builder.relu(x, name: "relu\(index)"), 2, name: "pool\(index)")
      (depth, height, width) = (next, height / 2, width / 2)
    }
    x = try builder.flatten(x, name: "flatten")
    x = try builder.denseLayers(
      x, features: depth * height * width, hidden: hidden, outputs: outputs,
      normalization: normalization, relu: "dense_relu", &initializer)
    return builder.finish(outputs: [("logits", x)])
  }
}
