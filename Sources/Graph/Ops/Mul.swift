import DitherTensor

/// `y = a · b`, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Mul`.
struct Mul: OnnxOp, BinaryFunction, Bounding {
  static let onnx = OnnxName("Mul", since: 7)
  var function: Binary.Function { .multiply }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}

  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    let a = try call.operand(0), b = try call.operand(1)
    guard a.radius == nil || b.radius == nil else { throw call.refused("a constant factor", "none") }
    let (x, factor) = a.radius == nil ? (b, a.center) : (a, b.center)
    return Bounds(
      center: try call.replay([a.center, b.center]), radius: try x.widened(1) * call.magnitude(factor) + Bounds.least)
  }
}
