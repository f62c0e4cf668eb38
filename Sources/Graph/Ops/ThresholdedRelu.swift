import DitherBasics
import DitherTensor

/// x where `x > alpha`, else 0.
/// - Source: ONNX `ThresholdedRelu`, opsets 10–28; Konda et al. 2014, arXiv 1402.3337.
struct ThresholdedRelu: Composite {
  static let onnx = OnnxName("ThresholdedRelu", since: 10)
  var takesEmpty: Bool { true }
  private let alpha: Float
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("alpha")
    alpha = try node.float("alpha", default: 1)
  }
  func write(to node: inout OnnxNode) { node["alpha"] = .float(alpha) }
  var isActivation: Bool { true }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X")
    return try [(x <= alpha).choosing(builder.scalar(0), x)]
  }
}
