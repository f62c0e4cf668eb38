import DitherGraph
import DitherInference
import DitherTensor
import DitherTrain

/// Models of the shapes that the figures are stated for, with weights from a seed: speed does not depend on their
/// values.
enum Fixtures {
  static func weights(_ shape: Shape, _ seed: UInt64) -> Tensor {
    let scale = (2 / Float(max(shape.row.count, 1))).squareRoot()
    return Tensor(shape, NoiseAddress(seed: seed).normals(shape.count).map { scale * $0 })
  }

  /// 784-256-128-10 with ReLUs.
  static func mlp(sigma: Float? = nil) throws -> Graph {
    let builder = GraphBuilder(name: "mlp")
    var x = builder.input("image", [784])
    for (layer, (from, to)) in [(784, 256), (256, 128), (128, 10)].enumerated() {
      let weight = builder.parameter("fc\(layer).weight", weights([to, from], UInt64(layer)))
      let bias = builder.parameter("fc\(layer).bias", Tensor(zeros: [to]))
      x = try builder.dense(x, weight, bias, name: "fc\(layer)")
      if layer < 2 { x = try builder.relu(x) }
    }
    var graph = builder.finish(outputs: [("logits", x)])
    if let sigma { graph.noise = NoiseModel([.init(.weights, sigma: sigma)]) }
    return graph
  }

  /// 28 × 28: convolutions of 32 and 64 channels, each with pooling, and a dense layer of 128.
  static func cnn() throws -> Graph {
    let builder = GraphBuilder(name: "cnn")
    var x = builder.input("image", [1, 28, 28])
    for (layer, (from, to)) in [(1, 32), (32, 64)].enumerated() {
      let weight = builder.parameter("conv\(layer).weight", weights([to, from, 3, 3], UInt64(layer)))
      let bias = builder.parameter("conv\(layer).bias", Tensor(zeros: [to]))
      x = try builder.maxPool(builder.relu(builder.convolution(x, weight, bias, padding: 1, name: "conv\(layer)")), 2)
    }
    x = try builder.flatten(x)
    for (layer, (from, to)) in [(64 * 49, 128), (128, 10)].enumerated() {
      let weight = builder.parameter("fc\(layer).weight", weights([to, from], UInt64(8 + layer)))
      let bias = builder.parameter("fc\(layer).bias", Tensor(zeros: [to]))
      x = try builder.dense(x, weight, bias, name: "fc\(layer)")
      if layer < 1 { x = try builder.relu(x) }
    }
    return builder.finish(outputs: [("logits", x)])
  }

  /// ResNet-18 for 32 × 32 images.
  static func resnet(sigma: Float? = nil) throws -> Graph {
    var graph = try ResNet().build(input: [3, 32, 32], outputs: 10, seed: 1)
    if let sigma { graph.noise = NoiseModel([.init(.weights, sigma: sigma)]) }
    return graph
  }

  static func images(_ rows: Int, _ shape: [Int]) -> Tensor {
    let whole = Shape([rows] + shape)
    return Tensor(whole, NoiseAddress(seed: 1).uniforms(whole.count))
  }

  /// A plan with its input in place, run by `forward`.
  static func plan(_ graph: Graph, _ options: Plan.Options) throws -> Plan {
    let graph = options.parameterGradients ? graph : graph.foldingNormalization()
    let parameters = ParameterBuffers(graph, moving: options.parameterGradients)
    let plan = try Plan(graph, parameters: parameters, options: options)
    let images = images(options.rows, graph.inputs[0].dimensions.dropFirst().compactMap { $0 })
    _ = plan.input().update(fromContentsOf: images.elements)
    for row in plan.seeds.indices { plan.seeds[row] = UInt64(row) }
    return plan
  }

  /// The work of a trainer for one batch.
  final class TrainingStep {
    let plan: Plan
    private let parameters: ParameterBuffers
    private let velocity: AlignedBuffer
    private let trained: [TrainedParameter]
    private var number = 0

    init(_ graph: Graph, _ precision: Plan.Precision) throws {
      parameters = ParameterBuffers(graph, moving: true)
      plan = try Plan(
        graph, parameters: parameters,
        options: .init(
          rows: 128, path: graph.noise == nil ? nil : .exact, parameterGradients: true, threads: 2,
          precision: precision, batchStatistics: true))
      velocity = AlignedBuffer(floats: parameters.count)
      trained = TrainedParameter.all(of: parameters)
    }

    func run() {
      for row in plan.seeds.indices { plan.seeds[row] = UInt64(number) }
      number += 1
      plan.forward()
      _ = CrossEntropy().values(
        plan.output(), .classes((0..<128).map { $0 % 10 }, count: 10), weight: 1 / 128, gradient: plan.cotangent)
      plan.backward()
      for parameter in trained {
        SGD().update(
          parameter.view(
            parameters, UnsafeBufferPointer(plan.parameterGradients), [velocity], seed: 1, step: number, examples: 128),
          rate: 1e-6,
          step: number)
      }
    }
  }

  static func trainingStep(sigma: Float?, _ precision: Plan.Precision) throws -> TrainingStep {
    let step = try TrainingStep(resnet(sigma: sigma), precision)
    _ = step.plan.input().update(fromContentsOf: images(128, [3, 32, 32]).elements)
    return step
  }
}
