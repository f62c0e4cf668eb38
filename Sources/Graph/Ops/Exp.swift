import DitherTensor

/// `y = exp x`, element by element.
/// - Source: ONNX `Exp`.
struct Exp: OnnxOp, UnaryFunction, Increasing {
  static let onnx = OnnxName("Exp", since: 6)
  var function: Unary.Function { .exp }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  var error: (relative: Float, absolute: Float) { Self.transcendental }
}
