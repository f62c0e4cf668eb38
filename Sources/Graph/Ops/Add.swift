import DitherTensor

/// `y = a + b`, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Add`.
struct Add: OnnxOp, BinaryFunction {
  static let onnx = OnnxName("Add", since: 7)
  var function: Binary.Function { .add }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
