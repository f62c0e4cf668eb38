import DitherTensor

/// `y = x rounded, halves to even`, element by element.
/// - Source: ONNX `Round`.
struct Round: OnnxOp, UnaryFunction {
  static let onnx = OnnxName("Round", since: 11)
  var function: Unary.Function { .round }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
