/// Whether a ≥ b, element by element, with NumPy's broadcasting.
/// - Source: ONNX `GreaterOrEqual`, opsets 12–28.
struct GreaterOrEqual: Comparison {
  static let onnx = OnnxName("GreaterOrEqual", since: 12)
  var relation: Relation { .greaterOrEqual }
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
