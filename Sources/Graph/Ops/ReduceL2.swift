import DitherTensor

/// The Euclidean norm over axes.
/// - Source: ONNX `ReduceL2`, opsets 1–28.
struct ReduceL2: AxesReduction {
  static let onnx = OnnxName("ReduceL2", since: 1)
  let axes: ReducedAxes
  init(_ axes: ReducedAxes) { self.axes = axes }
  func reduced(_ x: Value, to kept: Shape) throws(GraphError) -> Value {
    try x.sumOfSquares(to: kept).map(.squareRoot)
  }
}
