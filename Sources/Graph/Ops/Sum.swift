import DitherBasics
import DitherTensor

/// The sum of any number of values, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Sum`, opsets 8–28.
struct Sum: Composite {
  static let onnx = OnnxName("Sum", since: 6)
  var takesEmpty: Bool { true }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func rows(_ call: RowsCall) -> RowFacts? {
    call.facts.count == 1 ? call.sameRows : call.mixture([Double](repeating: 1, count: call.facts.count))
  }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let result = try builder.fold(inputs, .add)
    return [result]
  }
}
