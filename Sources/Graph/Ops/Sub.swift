import DitherTensor

/// `y = a − b`, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Sub`.
struct Sub: OnnxOp, BinaryFunction {
  static let onnx = OnnxName("Sub", since: 7)
  var function: Binary.Function { .subtract }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
