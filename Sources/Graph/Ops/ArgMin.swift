import DitherBasics
import DitherTensor

/// The index of the smallest element along an axis, as int64: for outputs; no gradient passes.
/// - Source: ONNX `ArgMin`, opsets 1–28.
struct ArgMin: Composite {
  static let onnx = OnnxName("ArgMin", since: 1)
  /// The same of what is negated.
  private let opposite: ArgMax
  init(_ node: OnnxNode) throws(GraphError) { opposite = try ArgMax(node) }
  func write(to node: inout OnnxNode) { opposite.write(to: &node) }
  func trainable(_ input: Int) -> Bool { false }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    try builder.apply(opposite, [-inputs.float(0, "data", rank: 1...8)])
  }
}
