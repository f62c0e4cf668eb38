import DitherTensor

/// `y = a / b`, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Div`.
struct Div: OnnxOp, BinaryFunction, Bounding {
  static let onnx = OnnxName("Div", since: 7)
  var function: Binary.Function { .divide }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}

  func rows(_ call: RowsCall) -> RowFacts? {
    guard let facts = call[0], facts.form == .plain, call.type(0)?.shape == call.result.shape else { return nil }
    if let divisor = call.uniform(1) { return facts.scaled(by: 1 / Double(divisor), as: call.output) }
    return call[1]?.relation == .total(of: facts.source) ? call.normalized(facts) : nil
  }

  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    let x = try call.operand(0), divisor = try call.constant(1)
    return Bounds(
      center: try call.replay([x.center, divisor]), radius: try x.widened(1) / call.magnitude(divisor) + Bounds.least)
  }
}
