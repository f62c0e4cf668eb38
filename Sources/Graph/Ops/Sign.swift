import DitherTensor

/// `y = the sign of x: −1, 0 or 1`, element by element.
/// - Source: ONNX `Sign`.
struct Sign: OnnxOp, UnaryFunction {
  static let onnx = OnnxName("Sign", since: 9)
  var function: Unary.Function { .sign }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
