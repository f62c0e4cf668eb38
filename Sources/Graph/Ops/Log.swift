import DitherTensor

/// `y = ln x`, element by element.
/// - Source: ONNX `Log`.
struct Log: OnnxOp, UnaryFunction {
  static let onnx = OnnxName("Log", since: 6)
  var function: Unary.Function { .log }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func rows(_ call: RowsCall) -> RowFacts? { call[0].flatMap { $0.form == .plain ? $0.formed(.logarithms) : nil } }
}
