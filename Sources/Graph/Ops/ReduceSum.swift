import DitherTensor

/// The sum over axes, of floats or integers.
/// - Source: ONNX `ReduceSum`, opsets 1–28.
struct ReduceSum: Reduction {
  static let onnx = OnnxName("ReduceSum", since: 1)
  static let axesAreInputSince = 13
  static let isMean = false
  let axes: ReducedAxes
  init(_ axes: ReducedAxes) { self.axes = axes }
}
