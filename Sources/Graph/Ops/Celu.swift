import DitherBasics
import DitherTensor

/// `x` where `x > 0`, `alpha · (exp(x / alpha) − 1)` elsewhere.
/// - Source: ONNX `Celu`, opsets 12–28; Barron 2017, arXiv 1704.07483.
struct Celu: Composite, Increasing {
  static let onnx = OnnxName("Celu", since: 12)
  var takesEmpty: Bool { true }
  private let alpha: Float
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("alpha")
    alpha = try node.float("alpha", default: 1)
    guard alpha != 0 else {
      throw GraphError(.attribute, at: "\(node.place), attribute 'alpha'", expected: "a number other than 0", got: "0")
    }
  }
  func write(to node: inout OnnxNode) { if alpha != 1 { node["alpha"] = .float(alpha) } }
  var isActivation: Bool { true }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X"), below = try -(-x).map(.relu)  // min(x, 0), so that the exponential stays finite
    return try [x.map(.relu) + alpha * (((1 / alpha) * below).map(.exp) + -1)]
  }
  var isIncreasing: Bool { alpha > 0 }
  var error: (relative: Float, absolute: Float) { (0x1p-18, 1e-6 * Swift.max(alpha, 1)) }
}
