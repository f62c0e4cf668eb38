/// Whether a > b, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Greater`, opsets 9–28.
struct Greater: Comparison {
  static let onnx = OnnxName("Greater", since: 7)
  var relation: Relation { .greater }
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
