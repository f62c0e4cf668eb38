import DitherBasics
import DitherTensor

/// The smallest element over axes. Where elements tie, the gradient goes to the first.
/// - Source: ONNX `ReduceMin`, opsets 1–21.
struct ReduceMin: Composite {
  static let onnx = OnnxName("ReduceMin", since: 1)
  private let axes: ReducedAxes
  init(_ node: OnnxNode) throws(GraphError) { axes = try ReducedAxes(node, inputSince: 18) }
  func write(to node: inout OnnxNode) { axes.write(to: &node) }
  var leastOpset: Int { axes.leastOpset(Self.onnx.since) }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "data", rank: 0...8)
    return [-(try (-x).applying(ReduceMax(axes), inputs.has(1) ? inputs[1] : nil))]
  }
}
