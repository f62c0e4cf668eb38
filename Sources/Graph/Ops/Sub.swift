import DitherTensor

/// `y = a − b`, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Sub`.
struct Sub: OnnxOp, BinaryFunction, Bounding {
  static let onnx = OnnxName("Sub", since: 7)
  var function: Binary.Function { .subtract }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}

  func rows(_ call: RowsCall) -> RowFacts? {
    if call.uniform(1) == 0, call.type(0)?.shape == call.result.shape { return call[0] }
    // Less one number a row, its maximum as a rule: exponentials of both are alike but for a factor of each row.
    if let a = call.operand(0), call.type(0)?.shape == call.result.shape, call.uniform(0) == nil,
      call.type(1)?.shape == [RowsCall.rows, 1], call[0] == nil, call[1] == nil
    {
      return call.nonnegative(logarithm: LogarithmForm(a)).formed(.logarithms)
    }
    guard call.uniform(0) == 1, let facts = call[1], facts.form == .plain, call.type(1)?.shape == call.result.shape
    else { return nil }
    return call.complement(of: facts)
  }

  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    let a = try call.operand(0), b = try call.operand(1)
    return try Bounds(center: try call.replay([a.center, b.center]), radius: a.widened(1) + b.widened(1))
  }
}
