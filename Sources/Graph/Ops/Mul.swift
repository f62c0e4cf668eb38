import DitherTensor

/// `y = a · b`, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Mul`.
struct Mul: OnnxOp, BinaryFunction {
  static let onnx = OnnxName("Mul", since: 7)
  var function: Binary.Function { .multiply }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
