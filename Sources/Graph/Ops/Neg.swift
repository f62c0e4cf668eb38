import DitherTensor

/// `y = −x`, element by element.
/// - Source: ONNX `Neg`.
struct Neg: OnnxOp, UnaryFunction, Bounding {
  static let onnx = OnnxName("Neg", since: 6)
  var function: Unary.Function { .negate }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}

  func rows(_ call: RowsCall) -> RowFacts? {
    guard let facts = call[0], facts.form != .logarithms else { return nil }
    return facts.formed(facts.form == .plain ? .negatives : .plain)
  }

  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    let x = try call.operand(0)
    return Bounds(center: try call.replay([x.center]), radius: x.radius)
  }
}
