import DitherTensor

/// `y = a to the power of b`, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Pow`.
struct Pow: OnnxOp, BinaryFunction {
  static let onnx = OnnxName("Pow", since: 7)
  var function: Binary.Function { .power }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
