import DitherBasics
import DitherTensor

/// The smallest of any number of values, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Min`, opsets 8–21.
struct Min: Composite, Increasing {
  static let onnx = OnnxName("Min", since: 6)
  var takesEmpty: Bool { true }
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let result = try builder.fold(inputs, .minimum)
    return [result]
  }
}
