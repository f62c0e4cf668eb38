import DitherGraph
import DitherTensor

/// Small classifiers as files, with weights from a seed.
enum TestModels {
  static let inputs = 6
  static let classes = 3

  /// 6-16-3 with a ReLU.
  static func mlp(seed: UInt64 = 1, sigma: Float? = 0.3, labels: [String] = ["a", "b", "c"]) throws -> [UInt8] {
    let builder = GraphBuilder(name: "mlp")
    var x = builder.input("x", [inputs])
    for (layer, (from, to)) in [(inputs, 16), (16, classes)].enumerated() {
      let weight = builder.parameter("w\(layer)", weights([to, from], seed &* 16 &+ UInt64(layer)))
      x = try builder.dense(x, weight, builder.parameter("b\(layer)", Tensor(zeros: [to])), name: "fc\(layer)")
      if layer == 0 { x = try builder.relu(x) }
    }
    return try finish(builder, x, sigma, labels)
  }

  /// NaN where the first two inputs sum up to more than 1.2: a hidden unit of infinity times 0.
  static func overflowing(sigma: Float? = nil) throws -> [UInt8] {
    let builder = GraphBuilder(name: "overflowing"), x = builder.input("x", [inputs])
    var first = weights([4, inputs], 3), second = weights([classes, 4], 4)
    first.replaceRow(0, with: [2.8e38, 2.8e38, 0, 0, 0, 0])
    for row in 0..<classes { second.replaceRow(row, with: ([0] + second.row(row).dropFirst())[...]) }
    let hidden = try builder.relu(builder.dense(x, builder.parameter("w0", first), nil, name: "fc0"))
    let logits = try builder.dense(hidden, builder.parameter("w1", second), nil, name: "fc1")
    return try finish(builder, logits, sigma, [], site: .input)
  }

  /// 1 × 8 × 8 through a convolution, whose noise is drawn weight by weight.
  static func cnn(seed: UInt64 = 1, sigma: Float? = 0.3) throws -> [UInt8] {
    let builder = GraphBuilder(name: "cnn")
    var x = builder.input("x", [1, 8, 8])
    x = try builder.convolution(x, builder.parameter("w0", weights([4, 1, 3, 3], seed)), nil, padding: 1, name: "conv")
    x = try builder.flatten(builder.maxPool(builder.relu(x), 2))
    x = try builder.dense(x, builder.parameter("w1", weights([classes, 64], seed &+ 1)), nil, name: "fc")
    return try finish(builder, x, sigma, [])
  }

  private static func finish(
    _ builder: GraphBuilder, _ logits: Value, _ sigma: Float?, _ labels: [String], site: NoiseModel.Site = .weights
  ) throws -> [UInt8] {
    var graph = builder.finish(outputs: [("logits", logits)])
    if let sigma { graph.noise = NoiseModel([.init(site, sigma: sigma)]) }
    if !labels.isEmpty { graph.metadata["dither.labels"] = "[\"\(labels.joined(separator: "\",\""))\"]" }
    return try graph.onnx()
  }

  private static func weights(_ shape: Shape, _ seed: UInt64) -> Tensor {
    let scale = 1 / Float(max(shape.row.count, 1)).squareRoot()
    return Tensor(shape, NoiseAddress(seed: seed).normals(shape.count).map { scale * $0 })
  }
}

extension TestModels {
  /// Two values of six inputs, with the logarithms of their variances where there are some.
  static func regression(sigma: Float? = 0.3, variances: Bool = false) throws -> [UInt8] {
    let builder = GraphBuilder(name: "regression"), x = builder.input("x", [inputs])
    let weight = builder.parameter("w", weights([variances ? 4 : 2, inputs], 9))
    var graph = builder.finish(outputs: [("y", try builder.dense(x, weight, nil, name: "fc"))])
    graph.metadata["dither.task"] = variances ? "gaussian_regression" : "regression"
    graph.metadata["dither.labels"] = #"["length", "width"]"#
    if let sigma { graph.noise = NoiseModel([.init(.weights, sigma: sigma)]) }
    return try graph.onnx()
  }
}
