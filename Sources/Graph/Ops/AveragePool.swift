import COneDNN
import DitherTensor

/// - Source: ONNX `AveragePool`, opsets 7–21.
struct AveragePool: Pooling, Averaging {
  static let onnx = OnnxName("AveragePool", since: 7)
  var window: Window
  var countsPadding = false
  var kind: dn_pooling_kind { countsPadding ? DN_AVERAGE_INCLUDING_PADDING : DN_AVERAGE_EXCLUDING_PADDING }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides")
    window = try Window(node)
    countsPadding = try node.flag("count_include_pad", default: false)
  }
  var leastOpset: Int { window.dilations?.contains { $0 != 1 } ?? false ? 19 : Self.onnx.since }
  func write(to node: inout OnnxNode) {
    window.write(to: &node)
    if node.opset < 19 { node["dilations"] = nil }
    if countsPadding { node["count_include_pad"] = .int(1) }
  }
  func terms(_ input: Shape, _ output: Shape) -> Int { (window.kernel ?? []).reduce(1, *) }
}
