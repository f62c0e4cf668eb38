import DitherTensor

/// `y = ⌊x⌋`, element by element.
/// - Source: ONNX `Floor`.
struct Floor: OnnxOp, UnaryFunction {
  static let onnx = OnnxName("Floor", since: 6)
  var function: Unary.Function { .floor }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
