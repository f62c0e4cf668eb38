import DitherTensor

/// `y = exp x`, element by element.
/// - Source: ONNX `Exp`.
struct Exp: OnnxOp, UnaryFunction, Increasing {
  static let onnx = OnnxName("Exp", since: 6)
  var function: Unary.Function { .exp }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func rows(_ call: RowsCall) -> RowFacts? {
    if let facts = call[0], facts.form == .logarithms { return facts.formed(.plain) }
    return call.operand(0).map { call.nonnegative(logarithm: LogarithmForm($0)) }
  }
  var error: (relative: Float, absolute: Float) { Self.transcendental }
}
