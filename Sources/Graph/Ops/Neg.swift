import DitherTensor

/// `y = −x`, element by element.
/// - Source: ONNX `Neg`.
struct Neg: OnnxOp, UnaryFunction {
  static let onnx = OnnxName("Neg", since: 6)
  var function: Unary.Function { .negate }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
