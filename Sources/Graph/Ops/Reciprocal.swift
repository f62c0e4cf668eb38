import DitherTensor

/// `y = 1 / x`, element by element.
/// - Source: ONNX `Reciprocal`.
struct Reciprocal: OnnxOp, UnaryFunction {
  static let onnx = OnnxName("Reciprocal", since: 6)
  var function: Unary.Function { .reciprocal }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func rows(_ call: RowsCall) -> RowFacts? {
    guard case .total(let value)? = call[0]?.relation else { return nil }
    return call.nonnegative(relation: .reciprocalTotal(of: value))
  }
}
