/// Whether a = b, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Equal`, opsets 7–28.
struct Equal: Comparison {
  static let onnx = OnnxName("Equal", since: 7)
  var relation: Relation { .equal }
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
