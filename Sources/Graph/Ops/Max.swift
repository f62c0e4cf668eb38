import DitherBasics
import DitherTensor

/// The larger of two values, element by element, with NumPy's broadcasting.
/// - Source: ONNX `Max` of two operands, opsets 8–21.
struct Max: OnnxOp, BinaryFunction {
  static let onnx = OnnxName("Max", since: 8)
  var function: Binary.Function { .maximum }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow()
    guard node.presentInputs.count == 2 else {
      throw GraphError(.unsupportedOp, at: node.place, expected: "two operands", got: "\(node.presentInputs.count)")
    }
  }
  func write(to node: inout OnnxNode) {}
}
