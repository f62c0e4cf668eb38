import DitherTensor

/// The mean of each channel: [N, C, …] to [N, C, 1, …].
/// - Source: ONNX `GlobalAveragePool`, opsets 1–21.
struct GlobalAveragePool: OnnxOp {
  static let onnx = OnnxName("GlobalAveragePool", since: 1)
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(0, "X", rank: 3...5)
    return [TensorType(Shape([x[0], x[1]] + [Int](repeating: 1, count: x.rank - 2)))]
  }
  private func share(_ call: Call) -> Float {
    Float(call.outputs[0].shape.count) / Float(max(call.inputs[0].shape.count, 1))
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] {
    [share(call) * upstream.expanded(to: call.inputs[0].shape)]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    plan.sum(call.inputs[0], to: call.outputs[0], times: share(call))
  }
}
