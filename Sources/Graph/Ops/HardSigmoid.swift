import DitherTensor

/// `y = alpha · x + beta`, held between 0 and 1.
/// - Source: ONNX `HardSigmoid`, opsets 6–28.
struct HardSigmoid: OnnxOp, Increasing {
  static let onnx = OnnxName("HardSigmoid", since: 6)
  var alpha: Float = 0.2
  var beta: Float = 0.5
  init(alpha: Float, beta: Float) {
    self.alpha = alpha
    self.beta = beta
  }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("alpha", "beta")
    alpha = try node.float("alpha", default: 0.2)
    beta = try node.float("beta", default: 0.5)
  }
  func write(to node: inout OnnxNode) {
    node["alpha"] = .float(alpha)
    node["beta"] = .float(beta)
  }
  var isActivation: Bool { true }
  func rows(_ call: RowsCall) -> RowFacts? { call.nonnegative(shares: true) }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(try inputs.float(0, "X"))] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [alpha * Self.between(upstream, call.outputs[0])]
  }
  /// `g` where 0 < y < 1, else 0.
  static func between(_ g: Value, _ y: Value) throws(GraphError) -> Value {
    try g.apply(Binary(.reluGradient), y).apply(Binary(.reluGradient), -y + 1)
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = x.shape.count, alpha = alpha, beta = beta
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return { for i in 0..<count { to[i] = Swift.min(Swift.max(alpha * from[i] + beta, 0), 1) } }
    }
  }
  var isIncreasing: Bool { alpha >= 0 }
  /// The error of a product and a sum.
  var error: (relative: Float, absolute: Float) { (0x1p-20, 1e-6) }
}
