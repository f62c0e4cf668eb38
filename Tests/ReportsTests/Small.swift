import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport

/// A model of one hidden layer on 4×4 pictures, and data for it.
enum Small {
  /// - Parameter isRegression: whether its three numbers are values.
  static func model(sigma: Float = 0, seed: UInt64 = 3, isRegression: Bool = false) throws -> Model {
    let builder = GraphBuilder(name: "small")
    var x = try builder.flatten(builder.input("x", [1, 4, 4]))
    for (name, inputs, outputs) in [("fc1", 16, 24), ("fc2", 24, 3)] {
      if name == "fc2" { x = try builder.relu(x) }
      let weight = builder.parameter("\(name).w", .random([outputs, inputs], seed: seed, from: -0.6, to: 0.6))
      x = try builder.dense(x, weight, nil, name: name)
    }
    var graph = builder.finish(outputs: [("logits", x)])
    if isRegression { graph.metadata["dither.task"] = "regression" }
    if sigma > 0 { graph.noise = NoiseModel([.init(.weights, sigma: sigma)]) }
    return try Model(graph)
  }

  /// Examples labeled by a model's own noise-free answers, but for every seventh.
  static func data(_ count: Int, for model: Model) throws -> AuditData {
    let inputs = Tensor.random([count, 1, 4, 4], seed: 5, from: 0, to: 1)
    let labels = try model.outputs(inputs).labels().enumerated().map { $0 % 7 == 6 ? ($1 + 1) % 3 : $1 }
    return AuditData(name: "small", inputs: inputs, labels: labels)
  }

  /// Examples with a regression's own noise-free answers, but for some error.
  static func values(_ count: Int, for model: Model) throws -> AuditData {
    let inputs = Tensor.random([count, 1, 4, 4], seed: 5, from: 0, to: 1)
    return AuditData(
      name: "small", inputs: inputs,
      values: try model.outputs(inputs).zip(.random([count, 3], seed: 6)) { $0 + 0.2 * $1 })
  }
}
