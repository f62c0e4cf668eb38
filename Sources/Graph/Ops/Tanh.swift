import DitherTensor

/// `y = tanh x`, element by element.
/// - Source: ONNX `Tanh`.
struct Tanh: OnnxOp, UnaryFunction, Increasing {
  static let onnx = OnnxName("Tanh", since: 6)
  var function: Unary.Function { .tanh }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  var error: (relative: Float, absolute: Float) { Self.transcendental }
}
