import DitherTensor

/// `y = 1 / (1 + exp(−x))`, element by element.
/// - Source: ONNX `Sigmoid`.
struct Sigmoid: OnnxOp, UnaryFunction, Increasing {
  static let onnx = OnnxName("Sigmoid", since: 6)
  var function: Unary.Function { .sigmoid }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func rows(_ call: RowsCall) -> RowFacts? {
    call.operand(0).map { call.nonnegative(shares: true, logarithm: LogarithmForm(sigmoidOf: $0, negated: false)) }
  }
  var error: (relative: Float, absolute: Float) { Self.transcendental }
}
