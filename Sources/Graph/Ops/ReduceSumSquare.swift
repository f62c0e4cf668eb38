import DitherTensor

/// The sum of squares over axes.
/// - Source: ONNX `ReduceSumSquare`, opsets 1–28.
struct ReduceSumSquare: AxesReduction {
  static let onnx = OnnxName("ReduceSumSquare", since: 1)
  let axes: ReducedAxes
  init(_ axes: ReducedAxes) { self.axes = axes }
  func reduced(_ x: Value, to kept: Shape) throws(GraphError) -> Value {
    try x.sumOfSquares(to: kept)
  }
}
