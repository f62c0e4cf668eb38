import DitherTensor

/// The mean over axes.
/// - Source: ONNX `ReduceMean`, opsets 1–28.
struct ReduceMean: Reduction, Averaging {
  static let onnx = OnnxName("ReduceMean", since: 1)
  static let isMean = true
  let axes: ReducedAxes
  init(_ axes: ReducedAxes) { self.axes = axes }
}
