import DitherTensor

/// `y = a + b`, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Add`.
struct Add: OnnxOp, BinaryFunction, Bounding {
  static let onnx = OnnxName("Add", since: 7)
  var function: Binary.Function { .add }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}

  func rows(_ call: RowsCall) -> RowFacts? {
    for (at, other) in [(0, 1), (1, 0)] {
      guard let facts = call[at], let constant = call.uniform(other), call.type(at)?.shape == call.result.shape else {
        continue
      }
      // 1 − p, written as −p + 1.
      if constant == 1, let rest = call.complement(of: facts.formed(.plain)), facts.form == .negatives { return rest }
      // A number that keeps a logarithm finite is too little to be seen.
      return constant == 0 || facts.form == .plain && (0...1e-6).contains(constant) ? facts : nil
    }
    return call.mixture([1, 1])
  }

  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    let a = try call.operand(0), b = try call.operand(1)
    return try Bounds(center: try call.replay([a.center, b.center]), radius: a.widened(1) + b.widened(1))
  }
}
