import DitherTensor

/// `y = max(x, 0)`, element by element.
/// - Source: ONNX `Relu`.
struct Relu: OnnxOp, UnaryFunction, Increasing {
  static let onnx = OnnxName("Relu", since: 6)
  var function: Unary.Function { .relu }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  /// Numbers above 0 stay as they are.
  func rows(_ call: RowsCall) -> RowFacts? { call[0]?.form == .plain ? call[0] : call.nonnegative() }
}
