import DitherTensor

/// - Source: ONNX `ReduceSum`, opsets 1–28.
struct ReduceSum: Reduction {
  static let onnx = OnnxName("ReduceSum", since: 1)
  static let isMean = false
  let axes: ReducedAxes
  init(_ node: OnnxNode) throws(GraphError) { axes = try ReducedAxes(node, inputSince: 13) }
  func write(to node: inout OnnxNode) { axes.write(to: &node) }
}
