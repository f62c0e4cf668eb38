import DitherBasics
import DitherTensor

/// `x / (1 + |x|)`.
/// - Source: ONNX `Softsign`, opsets 1–28.
struct Softsign: Composite, Increasing {
  static let onnx = OnnxName("Softsign", since: 1)
  var takesEmpty: Bool { true }
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  var isActivation: Bool { true }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "input")
    return try [x / (x.map(.abs) + 1)]
  }
  /// The error of a sum and a quotient.
  var error: (relative: Float, absolute: Float) { (0x1p-20, 1e-30) }
}
