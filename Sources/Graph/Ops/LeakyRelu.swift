import DitherBasics
import DitherTensor

/// `y = x` where `x ≥ 0`, `slope · x` elsewhere.
/// - Source: ONNX `LeakyRelu`, opsets 6–28.
struct LeakyRelu: OnnxOp, Increasing {
  static let onnx = OnnxName("LeakyRelu", since: 6)
  var slope: Float = 0.01
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("alpha")
    slope = try node.float("alpha", default: 0.01)
  }
  func write(to node: inout OnnxNode) { node["alpha"] = .float(slope) }
  var isActivation: Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(try inputs.float(0, "X"))] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [upstream * ((1 - slope) * (call.inputs[0] >= 0) + slope)]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = x.shape.count, slope = slope
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return { for i in 0..<count { to[i] = from[i] >= 0 ? from[i] : slope * from[i] } }
    }
  }
  var isIncreasing: Bool { slope >= 0 }
}
