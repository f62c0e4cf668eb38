import DitherBasics
import DitherTensor

/// The largest of any number of values, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Max`, opsets 8–21.
struct Max: Composite, Increasing {
  static let onnx = OnnxName("Max", since: 6)
  var takesEmpty: Bool { true }
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let result = try builder.fold(inputs, .maximum)
    return [result]
  }
}
