import DitherTensor

/// A function of every element that has no kernel of its own: rare enough for a plain loop.
protocol Pointwise: OnnxOp {
  static func value(_ x: Float) -> Float
  /// The derivative at `x`, where the function is `y`.
  func derivative(_ x: Value, _ y: Value) throws(GraphError) -> Value
  init()
}

extension Pointwise {
  var takesEmpty: Bool { true }
  var mayBeUndefined: Bool { true }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow()
    self.init()
  }
  func write(to node: inout OnnxNode) {}
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(try inputs.float(0, "input"))] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [upstream * derivative(call.inputs[0], call.outputs[0])]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = y.shape.count
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return { for i in 0..<count { to[i] = Self.value(from[i]) } }
    }
  }
}
