import DitherGraph
import DitherTensor

/// Convolution, normalization with statistics of its own, ReLU, a shortcut, pooling and a dense layer: every fusion and every
/// kind of layout in a few thousand weights.
enum SmallNets {
  static func random(_ shape: Shape, _ seed: UInt64, scale: Float = 1) -> Tensor {
    Tensor(shape, NoiseAddress(seed: seed, site: 0x5E7).normals(shape.count).map { scale * $0 })
  }

  /// One convolution, and a normalization behind it if asked for; the output is the image.
  static func convolution(
    channels: (Int, Int), size: Int, kernel: Int = 3, stride: Int = 1, normalized: Bool = false
  ) throws -> Graph {
    let builder = GraphBuilder(name: "conv"), x = builder.input("x", [channels.0, size, size])
    let weight = builder.parameter("w", random([channels.1, channels.0, kernel, kernel], 1, scale: 0.2))
    let bias = builder.parameter("b", random([channels.1], 2))
    var y = try builder.convolution(x, weight, bias, padding: kernel / 2, stride: stride, name: "conv")
    if normalized { y = try builder.batchNormalization(y, channels: channels.1, name: "norm") }
    return withStatistics(builder.finish(outputs: [("y", y)]))
  }

  static func residual(channels: Int = 20, size: Int = 8) throws -> Graph {
    let builder = GraphBuilder(name: "residual")
    func unit(_ x: Value, _ from: Int, stride: Int, _ seed: UInt64) throws -> Value {
      let weight = builder.parameter("w\(seed)", random([channels, from, 3, 3], seed, scale: 0.1))
      let y = try builder.convolution(x, weight, nil, padding: 1, stride: stride, name: "conv\(seed)")
      return try builder.batchNormalization(y, channels: channels, name: "norm\(seed)")
    }
    let x = builder.input("x", [3, size, size])
    let stem = try builder.relu(unit(x, 3, stride: 1, 1))
    let inner = try builder.relu(unit(stem, channels, stride: 1, 2))
    var y = try builder.relu(builder.add(unit(inner, channels, stride: 1, 3), stem))
    y = try builder.relu(builder.add(unit(y, channels, stride: 2, 4), unit(y, channels, stride: 2, 5)))
    y = try builder.flatten(builder.globalAveragePool(builder.maxPool(y, 2)))
    y = try builder.dense(
      y, builder.parameter("fc.w", random([5, channels], 6)), builder.parameter("fc.b", random([5], 7)), name: "fc")
    return withStatistics(builder.finish(outputs: [("logits", y)]))
  }

  /// Normalizations with constants that are not 0 and 1.
  private static func withStatistics(_ graph: Graph) -> Graph {
    var graph = graph
    for (index, name) in graph.valueNames.enumerated() {
      guard case .float(let tensor)? = graph.literals[ValueID(index)], name.contains("norm") else { continue }
      let isPositive = name.hasSuffix("variance") || name.hasSuffix("scale")
      let draws = NoiseAddress(seed: UInt64(index), site: 0x57A7).normals(tensor.count)
      graph.literals[ValueID(index)] = .float(
        Tensor(tensor.shape, draws.map { isPositive ? 0.5 + abs($0) : 0.3 * $0 }))
    }
    return graph
  }
}
