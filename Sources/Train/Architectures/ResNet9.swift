import DitherBasics
import DitherGraph
import DitherTensor

/// A fast residual network for small images: four 3 × 3 convolutions, each but the first with 2 × 2 max-pooling, two
/// residual blocks, a maximum over the picture and one dense layer, whose logits are scaled. Source: Page 2018, "How to
/// train your ResNet", github.com/davidcpage/cifar10-fast.
public struct ResNet9: Architecture {
  public static let name = "resnet9"
  /// The channels of the four convolutions.
  public var channels = [64, 128, 256, 512]
  /// A factor on the logits, above 0.
  public var scale = 0.125
  public init() {}
  public func check() throws(CatalogError) {
    try require(channels, "channels", atLeast: 4)
    try require(channels.count == 4, "channels", "four numbers", channels)
    try require(scale > 0 && scale <= 1000, "scale", "above 0, to 1000", scale)
  }

  public func build(input: Shape, outputs: Int, seed: UInt64) throws -> Graph {
    guard input.rank == 3, channels.count == 4, min(input[1], input[2]) >> 3 >= 1 else {
      throw TrainError(
        .recipe, at: "model \(Self.name)", expected: "images [channels, H, W] of at least 8 pixels a side",
        got: "\(input)")
    }
    let builder = GraphBuilder(name: Self.name)
    var initializer = Initializer(seed: seed)
    func unit(_ x: Value, _ from: Int, _ to: Int, _ name: String) throws -> Value {
      let weight = try builder.parameter("\(name).weight", initializer.weights([to, from, 3, 3]))
      let y = try builder.convolution(x, weight, nil, padding: 1, name: name)
      return try builder.relu(builder.batchNormalization(y, channels: to, name: "\(name).norm"), name: "\(name).relu")
    }
    var x = try unit(builder.input("input", input.dimensions), input[0], channels[0], "prep")
    for (layer, next) in channels.enumerated().dropFirst() {
      x = try builder.maxPool(unit(x, channels[layer - 1], next, "layer\(layer)"), 2, name: "pool\(layer)")
      guard layer != 2 else { continue }
      let y = try unit(x, next, next, "layer\(layer).residual0")
      x = try builder.add(x, unit(y, next, next, "layer\(layer).residual1"))
    }
    x = try builder.flatten(builder.globalMaxPool(x))
    let weight = try builder.parameter("logits.weight", initializer.weights([outputs, channels[3]]))
    let scores = try builder.dense(x, weight, nil, name: "dense")
    let factor = builder.constant(.float(Tensor([], [Float(scale)])), "logits.scale")
    return builder.finish(outputs: [("logits", try builder.multiply(scores, factor, name: "logits"))])
  }
}
