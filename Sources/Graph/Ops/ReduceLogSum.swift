import DitherBasics
import DitherTensor

/// The logarithm of the sum over axes.
/// - Source: ONNX `ReduceLogSum`, opsets 1–28.
struct ReduceLogSum: Composite {
  static let onnx = OnnxName("ReduceLogSum", since: 1)
  var takesEmpty: Bool { true }
  private let axes: ReducedAxes
  init(_ node: OnnxNode) throws(GraphError) { axes = try ReducedAxes(node, inputSince: 18) }
  func write(to node: inout OnnxNode) { axes.write(to: &node) }
  var leastOpset: Int { axes.leastOpset(Self.onnx.since) }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "data", rank: 0...8), (kept, result) = try axes.shapes(x.shape, inputs.types)
    return try [x.summed(to: kept).map(.log).viewed(as: result)]
  }
}
