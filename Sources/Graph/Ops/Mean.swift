import DitherBasics
import DitherTensor

/// The mean of any number of values, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Mean`, opsets 8–28.
struct Mean: Composite {
  static let onnx = OnnxName("Mean", since: 6)
  var takesEmpty: Bool { true }
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func rows(_ call: RowsCall) -> RowFacts? {
    let count = call.facts.count
    return count == 1 ? call.sameRows : call.mixture([Double](repeating: 1 / Double(count), count: count))
  }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    for position in inputs.indices { _ = try inputs.float(position, "data_\(position)") }
    let result = try builder.fold(inputs, .add)
    return try [1 / Float(inputs.count) * result]
  }
}
