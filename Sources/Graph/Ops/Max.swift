import DitherBasics
import DitherTensor

/// The largest of any number of values, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Max`, opsets 8–28.
struct Max: Composite, Increasing {
  static let onnx = OnnxName("Max", since: 6)
  var takesEmpty: Bool { true }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  /// The case of two operands, one a constant bound.
  func rows(_ call: RowsCall) -> RowFacts? {
    guard call.facts.count == 2, let at = call.facts.firstIndex(where: { $0 != nil }), let floor = call.uniform(1 - at),
      call.type(at)?.shape == call.result.shape
    else { return nil }
    return call[at]?.held(from: floor, to: nil)
  }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let result = try builder.fold(inputs, .maximum)
    return [result]
  }
}
