/// Whether a ≤ b, element by element, with NumPy's broadcasting.
/// - Source: ONNX `LessOrEqual`, opsets 12–28.
struct LessOrEqual: Comparison {
  static let onnx = OnnxName("LessOrEqual", since: 12)
  var relation: Relation { .lessOrEqual }
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
