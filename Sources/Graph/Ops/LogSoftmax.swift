import DitherTensor

/// - Source: ONNX `LogSoftmax`, opsets 9–28.
struct LogSoftmax: SoftmaxFamily {
  static let onnx = OnnxName("LogSoftmax", since: 1)
  static let isLogarithm = true
  var axis: Int
  var flattens = false
  init(axis: Int = -1) { self.axis = axis }
}
