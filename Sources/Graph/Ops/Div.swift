import DitherTensor

/// `y = a / b`, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Div`.
struct Div: OnnxOp, BinaryFunction {
  static let onnx = OnnxName("Div", since: 7)
  var function: Binary.Function { .divide }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
