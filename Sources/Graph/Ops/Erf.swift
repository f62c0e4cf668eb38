import DitherTensor

/// `y = the error function of x`, element by element.
/// - Source: ONNX `Erf`.
struct Erf: OnnxOp, UnaryFunction, Increasing {
  static let onnx = OnnxName("Erf", since: 9)
  var function: Unary.Function { .erf }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  var error: (relative: Float, absolute: Float) { Self.transcendental }
}
