import DitherTensor

/// The mean of each channel: [N, C, …] to [N, C, 1, …].
/// - Source: ONNX `GlobalAveragePool`, opsets 1–28.
struct GlobalAveragePool: OnnxOp, Averaging {
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
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [share(call) * upstream.expanded(to: call.inputs[0].shape)]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0]
    guard plan.layout(of: x) != nil, x.shape.rank == 4 else {
      plan.sum(x, to: call.outputs[0], times: share(call))
      return
    }
    var shape = try Window(kernel: Array(x.shape.dimensions[2...])).resolve(Array(x.shape.dimensions[2...]))
    shape.batch = x.shape[0]
    shape.inChannels = x.shape[1]
    shape.outChannels = shape.inChannels
    try plan.pool(x, call.outputs[0], .averageExcludingPadding, shape)
  }
}
