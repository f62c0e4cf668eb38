import DitherBasics
import DitherTensor

/// `x · tanh(softplus(x))`.
/// - Source: ONNX `Mish`, opsets 18–28; Misra 2020, arXiv 1908.08681.
struct Mish: Composite {
  static let onnx = OnnxName("Mish", since: 18)
  var takesEmpty: Bool { true }
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  var isActivation: Bool { true }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X")
    return try [x * x.map(.softplus).map(.tanh)]
  }
}
