import DitherTensor

/// `y = √x`, element by element.
/// - Source: ONNX `Sqrt`.
struct Sqrt: OnnxOp, UnaryFunction {
  static let onnx = OnnxName("Sqrt", since: 6)
  var function: Unary.Function { .squareRoot }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
