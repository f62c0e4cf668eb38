import CKernels
import DitherBasics
import DitherTensor

/// Normalisation with stored statistics, as at inference: `(x − mean) / √(var + epsilon) · scale + bias`, by channel.
/// - Source: ONNX `BatchNormalization`, opsets 7–21, not in training mode.
struct BatchNormalization: OnnxOp {
  static let onnx = OnnxName("BatchNormalization", since: 7)
  var epsilon: Float = 1e-5
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("epsilon", "momentum", "training_mode", "spatial")
    epsilon = try node.float("epsilon", default: 1e-5)
    guard node.outputCount == 1, try !node.flag("training_mode", default: false),
      try node.flag("spatial", default: true)
    else {
      throw GraphError(
        .unsupportedOp, at: node.place, expected: "normalisation with stored statistics, by channel",
        got: "training mode or statistics as outputs", advice: "export the model in evaluation mode")
    }
  }
  func write(to node: inout OnnxNode) { node["epsilon"] = .float(epsilon) }
  var isNormalisation: Bool { true }
  /// The stored statistics are not moved by gradients.
  func trainable(_ input: Int) -> Bool { input < 3 }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(0, "X", rank: 2...5)
    for (position, name) in [(1, "scale"), (2, "B"), (3, "input_mean"), (4, "input_var")] {
      let shape = try inputs.float(position, name, rank: 1...1)
      guard shape[0] == x[1] else {
        throw GraphError(.shape, at: "input '\(name)'", expected: "[\(x[1])], one for each channel", got: "\(shape)")
      }
    }
    return [TensorType(x)]
  }

  /// 1 / √(var + epsilon), as [1, C, 1, …].
  private func inverse(_ call: Call, _ shape: Shape) -> Value {
    (call.inputs[4] + epsilon).map(.squareRoot).map(.reciprocal).viewed(as: shape)
  }

  func gradient(_ call: Call, upstream g: Value) -> [Value?] {
    let x = call.inputs[0], scale = call.inputs[1], mean = call.inputs[3]
    let channels = Shape([1, x.shape[1]] + [Int](repeating: 1, count: x.shape.rank - 2))
    let inverse = inverse(call, channels)
    let normalised = (x - mean.viewed(as: channels)) * inverse
    return [
      g * (scale.viewed(as: channels) * inverse), (g * normalised).summed(to: channels).viewed(as: scale.shape),
      g.summed(to: channels).viewed(as: scale.shape), nil, nil,
    ]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], channels = x.shape[1], epsilon = epsilon
    let inner = x.shape.count / max(x.shape[0] * channels, 1), rows = x.shape[0]
    let constants = (1...4).map { call.inputs[$0] }
    plan.step([x, y] + constants) { memory in
      let from = memory.floats(x), to = memory.floats(y), c = constants.map { memory.floats($0) }
      return {
        for row in 0..<rows {
          for channel in 0..<channels {
            let a = c[0][channel] / (c[3][channel] + epsilon).squareRoot(), b = c[1][channel] - c[2][channel] * a
            let start = (row * channels + channel) * inner
            for i in start..<start + inner { to[i] = a * from[i] + b }
          }
        }
      }
    }
  }
}
