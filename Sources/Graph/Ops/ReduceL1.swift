import DitherBasics
import DitherTensor

/// The sum of magnitudes over axes.
/// - Source: ONNX `ReduceL1`, opsets 1–28.
struct ReduceL1: Composite {
  static let onnx = OnnxName("ReduceL1", since: 1)
  var takesEmpty: Bool { true }
  private let axes: ReducedAxes
  init(_ node: OnnxNode) throws(GraphError) { axes = try ReducedAxes(node, inputSince: 18) }
  func write(to node: inout OnnxNode) { axes.write(to: &node) }
  var leastOpset: Int { axes.leastOpset(Self.onnx.since) }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "data", rank: 0...8), (kept, result) = try axes.shapes(x.shape, inputs.types)
    return try [x.map(.abs).summed(to: kept).viewed(as: result)]
  }
}
