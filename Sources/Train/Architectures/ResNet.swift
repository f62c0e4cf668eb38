import DitherBasics
import DitherGraph
import DitherTensor

/// Residual networks of two 3 × 3 convolutions a block for small images: a 3 × 3 stem, no pooling before the last.
/// Source: He et al. 2016, arXiv 1512.03385; the stem as is usual for CIFAR.
public struct ResNet: Architecture {
  public static let name = "resnet"
  /// The channels of the stages; each but the first halves the image.
  public var channels = [64, 128, 256, 512]
  /// Residual blocks a stage: 2 gives ResNet-18.
  public var blocks = 2
  public init() {}
  public func check() throws(CatalogError) {
    try require(channels, "channels", atLeast: 1)
    try require((1...64).contains(blocks), "blocks", "1 to 64", blocks)
  }

  public func build(input: Shape, outputs: Int, seed: UInt64) throws -> Graph {
    guard input.rank == 3, !channels.isEmpty, blocks > 0, min(input[1], input[2]) >> (channels.count - 1) >= 1 else {
      throw TrainError(
        .recipe, at: "model resnet",
        expected: "images [channels, H, W] of at least \(1 << max(channels.count - 1, 0)) pixels a side",
        got: "\(input)")
    }
    let builder = GraphBuilder(name: Self.name)
    var initializer = Initializer(seed: seed)
    func unit(_ x: Value, _ from: Int, _ to: Int, size: Int, stride: Int, _ name: String) throws -> Value {
      let weight = try builder.parameter("\(name).weight", initializer.weights([to, from, size, size]))
      let y = try builder.convolution(x, weight, nil, padding: size / 2, stride: stride, name: name)
      return try builder.batchNormalization(y, channels: to, name: "\(name).norm")
    }
    var x = builder.input("input", input.dimensions), depth = channels[0]
    x = try builder.relu(unit(x, input[0], depth, size: 3, stride: 1, "stem"))
    for (stage, next) in channels.enumerated() {
      for block in 0..<blocks {
        let stride = stage > 0 && block == 0 ? 2 : 1, name = "stage\(stage).block\(block)"
        var y = try builder.relu(unit(x, depth, next, size: 3, stride: stride, "\(name).conv0"))
        y = try unit(y, next, next, size: 3, stride: 1, "\(name).conv1")
        let shortcut =
          stride == 1 && depth == next ? x : try unit(x, depth, next, size: 1, stride: stride, "\(name).shortcut")
        x = try builder.relu(builder.add(y, shortcut))
        depth = next
      }
    }
    x = try builder.flatten(builder.globalAveragePool(x))
    let weight = try builder.parameter("logits.weight", initializer.weights([outputs, depth]))
    x = try builder.dense(x, weight, builder.parameter("logits.bias", Tensor(zeros: [outputs])), name: "logits")
    return builder.finish(outputs: [("logits", x)])
  }
}
