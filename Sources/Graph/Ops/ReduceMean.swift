import DitherTensor

/// - Source: ONNX `ReduceMean`, opsets 1–28.
struct ReduceMean: Reduction, Averaging {
  static let onnx = OnnxName("ReduceMean", since: 1)
  static let isMean = true
  let axes: ReducedAxes
  init(_ node: OnnxNode) throws(GraphError) { axes = try ReducedAxes(node, inputSince: 18) }
  func write(to node: inout OnnxNode) { axes.write(to: &node) }
}
