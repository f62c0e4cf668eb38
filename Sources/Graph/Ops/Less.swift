/// Whether a < b, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Less`, opsets 9–28.
struct Less: Comparison {
  static let onnx = OnnxName("Less", since: 7)
  var relation: Relation { .less }
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
