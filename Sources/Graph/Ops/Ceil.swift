import DitherTensor

/// `y = ⌈x⌉`, element by element.
/// - Source: ONNX `Ceil`.
struct Ceil: OnnxOp, UnaryFunction {
  static let onnx = OnnxName("Ceil", since: 6)
  var function: Unary.Function { .ceil }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
}
