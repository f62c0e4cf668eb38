import DitherBasics
import DitherTensor

/// `y = x` where `x ≥ 0`, `slope · x` elsewhere, with slopes that are trained.
/// - Shapes: slopes broadcast to x.
/// - Source: ONNX `PRelu`, opsets 7–28; He et al. 2015, arXiv 1502.01852.
struct PRelu: OnnxOp {
  static let onnx = OnnxName("PRelu", since: 7)
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  var isActivation: Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(0, "X", rank: 0...8), slope = try inputs.float(1, "slope")
    guard Shape.broadcast(slope, x) == x else {
      throw GraphError(.shape, at: "input 'slope'", expected: "a shape that broadcasts to \(x)", got: "\(slope)")
    }
    return [TensorType(x)]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[0], slope = call.inputs[1], above = try x >= 0, below = try -above + 1
    return try [upstream * (above + below * slope), (upstream * (below * x)).summed(to: slope.shape)]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], slope = call.inputs[1], y = call.outputs[0], count = x.shape.count
    let dims = x.shape.dimensions.map(Int64.init), own = x.shape.strides.map(Int64.init)
    let spread = slope.shape.strides(broadcastTo: x.shape).map(Int64.init)
    let negative = plan.scratch(bytes: count * 4)
    plan.step([x, slope, y], scratch: [negative]) { memory in
      let from = memory.floats(x), slopes = memory.floats(slope), to = memory.floats(y)
      let room = memory.scratch(negative).assumingMemoryBound(to: Float.self)
      return {
        Kernels.binary(.minimum, room, from, number: 0, count)
        Kernels.binary(.multiply, room, room, slopes, dims, own, spread)
        Kernels.unary(.relu, to, from, count)
        Kernels.binary(.add, to, to, room, count)
      }
    }
  }
}
