/// An ELU scaled so that activations keep mean 0 and variance 1.
/// - Source: ONNX `Selu`, opsets 6–28; Klambauer et al. 2017, arXiv 1706.02515.
struct Selu: ExponentialLinear, Increasing {
  static let onnx = OnnxName("Selu", since: 6)
  var alpha: Float
  var scale: Float
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("alpha", "gamma")
    alpha = try node.float("alpha", default: 1.6732632)
    scale = try node.float("gamma", default: 1.0507010)
  }
  func write(to node: inout OnnxNode) {
    node["alpha"] = .float(alpha)
    node["gamma"] = .float(scale)
  }
  var isIncreasing: Bool { alpha >= 0 && scale >= 0 }
  var error: (relative: Float, absolute: Float) { Self.transcendental }
}
