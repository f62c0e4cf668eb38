import DitherTensor

/// `y = |x|`, element by element.
/// - Source: ONNX `Abs`.
struct Abs: OnnxOp, UnaryFunction {
  static let onnx = OnnxName("Abs", since: 6)
  var function: Unary.Function { .abs }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  /// Numbers above 0 stay as they are.
  func rows(_ call: RowsCall) -> RowFacts? { call[0]?.form == .plain ? call[0] : call.nonnegative() }
}
