import DitherBasics
import DitherTensor

/// The smallest of any number of values, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Min`, opsets 8–28.
struct Min: Composite, Increasing {
  static let onnx = OnnxName("Min", since: 6)
  var takesEmpty: Bool { true }
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  /// The case of two operands, one a constant bound.
  func rows(_ call: RowsCall) -> RowFacts? {
    guard call.facts.count == 2, let at = call.facts.firstIndex(where: { $0 != nil }),
      let ceiling = call.uniform(1 - at), call.type(at)?.shape == call.result.shape
    else { return nil }
    return call[at]?.held(from: nil, to: ceiling)
  }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let result = try builder.fold(inputs, .minimum)
    return [result]
  }
}
