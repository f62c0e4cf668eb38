import DitherTensor

/// `y = ln(1 + exp x)`, element by element.
/// - Source: ONNX `Softplus`.
struct Softplus: OnnxOp, UnaryFunction, Increasing {
  static let onnx = OnnxName("Softplus", since: 1)
  var function: Unary.Function { .softplus }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func rows(_ call: RowsCall) -> RowFacts? { call.nonnegative() }
  var error: (relative: Float, absolute: Float) { Self.transcendental }
}
