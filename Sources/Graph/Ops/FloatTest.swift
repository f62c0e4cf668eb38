import DitherTensor

/// A truth about every float by itself.
protocol FloatTest: OnnxOp {
  func holds(_ x: Float) -> Bool
}

extension FloatTest {
  var takesEmpty: Bool { true }
  func trainable(_ input: Int) -> Bool { false }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType(try inputs.float(0, "X"), .bool)]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = y.shape.count
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.raw(y).assumingMemoryBound(to: Bool.self)
      return { for i in 0..<count { to[i] = holds(from[i]) } }
    }
  }
}
