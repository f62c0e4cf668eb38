import DitherTensor

/// `y = 1 / x`, element by element.
/// - Source: ONNX `Reciprocal`.
struct Reciprocal: OnnxOp, UnaryFunction {
  static let onnx = OnnxName("Reciprocal", since: 6)
  var function: Unary.Function { .reciprocal }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
