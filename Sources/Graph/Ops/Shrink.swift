import DitherBasics
import DitherTensor

/// 0 where `|x| ≤ lambd`; elsewhere x, moved by `bias` towards 0.
/// - Source: ONNX `Shrink`, opsets 9–28.
struct Shrink: Composite {
  static let onnx = OnnxName("Shrink", since: 9)
  var takesEmpty: Bool { true }
  private let bias: Float
  private let threshold: Float
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("bias", "lambd")
    bias = try node.float("bias", default: 0)
    threshold = try node.float("lambd", default: 0.5)
  }
  func write(to node: inout OnnxNode) {
    node["bias"] = .float(bias)
    node["lambd"] = .float(threshold)
  }
  var isActivation: Bool { true }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "input"), zero = builder.scalar(0)
    let above = try (x <= threshold).choosing(zero, x + -bias)
    return try [(x >= -threshold).choosing(above, x + bias)]
  }
}

extension Value {
  /// `a` where this is not 0, else `b`: the other's infinities do not show, as they would in a product.
  func choosing(_ a: Value, _ b: Value) throws(GraphError) -> Value {
    try builder.apply(Where(), [apply(Cast(.bool)), a, b])[0]
  }
}
