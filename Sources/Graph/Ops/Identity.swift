import DitherTensor

/// `y = x`.
/// - Source: ONNX `Identity`, opsets 1–28.
struct Identity: OnnxOp, Viewing, Rearranging {
  static let onnx = OnnxName("Identity", since: 1)
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [try inputs.required(0, "input")] }
}
