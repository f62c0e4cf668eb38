import DitherTensor

/// The logarithm of the sum over axes.
/// - Source: ONNX `ReduceLogSum`, opsets 1–28.
struct ReduceLogSum: AxesReduction {
  static let onnx = OnnxName("ReduceLogSum", since: 1)
  let axes: ReducedAxes
  init(_ axes: ReducedAxes) { self.axes = axes }
  func reduced(_ x: Value, to kept: Shape) throws(GraphError) -> Value {
    try x.summed(to: kept).map(.log)
  }
}
