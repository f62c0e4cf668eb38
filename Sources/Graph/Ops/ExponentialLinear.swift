import DitherTensor
import Foundation

/// `y = scale · x` where `x > 0`, `scale · alpha · (eˣ − 1)` elsewhere.
protocol ExponentialLinear: OnnxOp {
  var alpha: Float { get }
  var scale: Float { get }
}

extension ExponentialLinear {
  var isActivation: Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(try inputs.float(0, "X"))] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let above = try call.inputs[0] >= 0, below = try -above + 1
    return try [upstream * (scale * above + below * (call.outputs[0] + scale * alpha))]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = x.shape.count, alpha = alpha, scale = scale
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return { for i in 0..<count { to[i] = scale * (from[i] > 0 ? from[i] : alpha * expm1(from[i])) } }
    }
  }
}
