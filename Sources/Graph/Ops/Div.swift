import DitherTensor

/// `y = a / b`, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Div`.
struct Div: OnnxOp, BinaryFunction, Bounding {
  static let onnx = OnnxName("Div", since: 7)
  var function: Binary.Function { .divide }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}

  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    let x = try call.operand(0), divisor = try call.constant(1)
    return Bounds(
      center: try call.replay([x.center, divisor]), radius: try x.widened(1) / call.magnitude(divisor) + Bounds.least)
  }
}
