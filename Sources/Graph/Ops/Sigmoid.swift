import DitherTensor

/// `y = 1 / (1 + exp(−x))`, element by element.
/// - Source: ONNX `Sigmoid`.
struct Sigmoid: OnnxOp, UnaryFunction, Increasing {
  static let onnx = OnnxName("Sigmoid", since: 6)
  var function: Unary.Function { .sigmoid }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  var error: (relative: Float, absolute: Float) { Self.transcendental }
}
