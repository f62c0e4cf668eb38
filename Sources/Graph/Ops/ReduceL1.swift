import DitherTensor

/// The sum of magnitudes over axes.
/// - Source: ONNX `ReduceL1`, opsets 1–28.
struct ReduceL1: AxesReduction {
  static let onnx = OnnxName("ReduceL1", since: 1)
  let axes: ReducedAxes
  init(_ axes: ReducedAxes) { self.axes = axes }
  func reduced(_ x: Value, to kept: Shape) throws(GraphError) -> Value {
    try x.map(.abs).summed(to: kept)
  }
}
