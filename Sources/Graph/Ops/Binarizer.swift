import DitherBasics
import DitherTensor

/// 1 where `x > threshold`, else 0.
/// - Source: ONNX-ML `Binarizer`, opset 1.
struct Binarizer: Composite {
  static let onnx = OnnxName("Binarizer", since: 1, domain: OnnxName.learning)
  private let threshold: Float
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("threshold")
    threshold = try node.float("threshold", default: 0)
  }
  func write(to node: inout OnnxNode) { node["threshold"] = .float(threshold) }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X")
    return try [builder.scalar(threshold).apply(Binary(.less), x)]
  }
}
