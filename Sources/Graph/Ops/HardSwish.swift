import DitherTensor

/// `y = x · h(x)` with h(x) = x / 6 + 1 / 2, held between 0 and 1.
/// - Source: ONNX `HardSwish`, opsets 14–28; Howard et al. 2019, arXiv 1905.02244.
struct HardSwish: OnnxOp {
  static let onnx = OnnxName("HardSwish", since: 14)
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  var isActivation: Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(try inputs.float(0, "X"))] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[0], gate = try x.apply(HardSigmoid(alpha: 1 / 6, beta: 0.5))
    return try [upstream * gate + Float(1) / 6 * HardSigmoid.between(upstream * x, gate)]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = x.shape.count
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return { for i in 0..<count { to[i] = from[i] * Swift.min(Swift.max(from[i] / 6 + 0.5, 0), 1) } }
    }
  }
}
