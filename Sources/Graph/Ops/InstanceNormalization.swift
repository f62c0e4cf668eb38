import DitherBasics
import DitherTensor

/// Each channel of each example brought to mean 0 and variance 1, then `· scale + B`, by channel.
/// - Shapes: x [N, C, …], scale and B [C].
/// - Source: ONNX `InstanceNormalization`, opsets 6–28; Ulyanov et al. 2016, arXiv 1607.08022.
struct InstanceNormalization: OnnxOp {
  static let onnx = OnnxName("InstanceNormalization", since: 6)
  var epsilon: Float = 1e-5
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("epsilon")
    epsilon = try node.float("epsilon", default: 1e-5)
  }
  func write(to node: inout OnnxNode) { node["epsilon"] = .float(epsilon) }
  var isNormalization: Bool { true }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis > 1 }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(0, "input", rank: 3...5)
    for (position, name) in [(1, "scale"), (2, "B")] {
      let shape = try inputs.float(position, name, rank: 1...1)
      guard shape[0] == x[1] else {
        throw GraphError(.shape, at: "input '\(name)'", expected: "[\(x[1])], one for each channel", got: "\(shape)")
      }
    }
    return [TensorType(x)]
  }

  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[0], scale = call.inputs[1]
    let ones = [Int](repeating: 1, count: x.shape.rank - 2)
    let kept = Shape([x.shape[0], x.shape[1]] + ones), channels = Shape([1, x.shape[1]] + ones)
    let (normalized, inverse) = try x.standardized(keeping: kept, epsilon: epsilon)
    return try [
      (upstream * scale.viewed(as: channels)).throughStandardization(normalized, inverse, keeping: kept),
      (upstream * normalized).summed(to: channels).viewed(as: scale.shape),
      upstream.summed(to: channels).viewed(as: scale.shape),
    ]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], scale = call.inputs[1], bias = call.inputs[2], y = call.outputs[0]
    let channels = x.shape[1], rows = x.shape[0] * channels, length = x.shape.count / rows, epsilon = epsilon
    plan.step([x, scale, bias, y]) { memory in
      let from = memory.floats(x), a = memory.floats(scale), b = memory.floats(bias), to = memory.floats(y)
      return {
        standardize(from, to, rows: rows, length: length, epsilon: epsilon)
        for row in 0..<rows {
          let channel = row % channels
          for i in row * length..<(row + 1) * length { to[i] = a[channel] * to[i] + b[channel] }
        }
      }
    }
  }
}
