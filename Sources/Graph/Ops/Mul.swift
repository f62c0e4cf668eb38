import DitherTensor

/// `y = a · b`, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Mul`.
struct Mul: OnnxOp, BinaryFunction, Bounding {
  static let onnx = OnnxName("Mul", since: 7)
  var function: Binary.Function { .multiply }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}

  func rows(_ call: RowsCall) -> RowFacts? {
    for (at, other) in [(0, 1), (1, 0)] {
      guard let facts = call[at], call.type(at)?.shape == call.result.shape else { continue }
      if let factor = call.uniform(other) {
        if factor == -1, facts.form != .logarithms {
          return facts.formed(facts.form == .plain ? .negatives : .plain)
        }
        return factor == 1 ? facts : facts.form == .plain ? facts.scaled(by: Double(factor), as: call.output) : nil
      }
      if facts.form == .plain, call[other]?.relation == .reciprocalTotal(of: facts.source) {
        return call.normalized(facts)
      }
    }
    return nil
  }

  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    let a = try call.operand(0), b = try call.operand(1)
    guard a.radius == nil || b.radius == nil else { throw call.refused("a constant factor", "none") }
    let (x, factor) = a.radius == nil ? (b, a.center) : (a, b.center)
    return Bounds(
      center: try call.replay([a.center, b.center]), radius: try x.widened(1) * call.magnitude(factor) + Bounds.least)
  }
}
