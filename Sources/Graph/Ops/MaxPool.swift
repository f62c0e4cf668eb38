import COneDNN
import DitherBasics
import DitherTensor

/// - Source: ONNX `MaxPool`, opsets 8–21, without the indices output.
struct MaxPool: Pooling, Increasing {
  static let onnx = OnnxName("MaxPool", since: 1)
  var window: Window
  var kind: dn_pooling_kind { DN_MAX }
  init(_ size: Int) { window = Window(kernel: [size, size], strides: [size, size]) }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides")
    guard node.outputCount == 1, try node.int("storage_order", default: 0) == 0 else {
      throw GraphError(
        .unsupportedOp, at: node.place, expected: "one output, row-major", got: "indices or column-major")
    }
    window = try Window(node)
  }
  func write(to node: inout OnnxNode) { window.write(to: &node) }
}
