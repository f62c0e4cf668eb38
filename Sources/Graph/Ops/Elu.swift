/// `y = x` where `x > 0`, `alpha · (eˣ − 1)` elsewhere.
/// - Source: ONNX `Elu`, opsets 6–28; Clevert et al. 2016, arXiv 1511.07289.
struct Elu: ExponentialLinear, Increasing {
  static let onnx = OnnxName("Elu", since: 6)
  var alpha: Float
  var scale: Float { 1 }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("alpha")
    alpha = try node.float("alpha", default: 1)
  }
  func write(to node: inout OnnxNode) { if alpha != 1 { node["alpha"] = .float(alpha) } }
  var isIncreasing: Bool { alpha >= 0 }
  var error: (relative: Float, absolute: Float) { Self.transcendental }
}
