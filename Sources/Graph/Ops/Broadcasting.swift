import DitherBasics
import DitherTensor

/// Sums to a shape that broadcasts to the input's: the gradient of broadcasting.
struct SumTo: Op {
  let shape: Shape
  var takesEmpty: Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let from = try inputs.float(0, "input")
    guard Shape.broadcast(shape, from) == from else {
      throw GraphError(.shape, at: "input", expected: "a shape that sums to \(shape)", got: "\(from)")
    }
    return [TensorType(shape)]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [upstream.expanded(to: call.inputs[0].shape)]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    plan.sum(call.inputs[0], to: call.outputs[0], times: 1)
  }
}

extension PlanBuilder {
  /// y = factor · x summed over the axes along which y has extent 1; `seen` is y's shape with those axes kept.
  mutating func sum(_ x: Value, to y: Value, seen kept: Shape? = nil, times factor: Float) {
    let dims = x.shape.dimensions.map(Int64.init), count = y.shape.count
    let strides = (kept ?? y.shape).strides(broadcastTo: x.shape).map(Int64.init), isEmpty = x.shape.count == 0
    step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return {
        if isEmpty { return to.update(repeating: 0, count: count) }
        Kernels.reduceSum(to, count, from, dims, strides)
        if factor != 1 { Kernels.scale(to, factor, count) }
      }
    }
  }
}

/// Repeats along broadcast axes.
struct ExpandTo: Op {
  let shape: Shape
  var takesEmpty: Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let from = try inputs.required(0, "input")
    guard Shape.broadcast(shape, from.shape) == shape else {
      throw GraphError(.shape, at: "input", expected: "a shape that expands to \(shape)", got: "\(from)")
    }
    return [from.rearranged(shape) { shape.indices(of: from.shape) }]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [upstream.summed(to: call.inputs[0].shape)]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0]
    let dims = shape.dimensions.map(Int64.init), strides = x.shape.strides(broadcastTo: shape).map(Int64.init)
    let size = y.type.element.byteCount, count = y.shape.count
    plan.step([x, y]) { memory in
      let from = memory.raw(x), to = memory.raw(y)
      return { if count > 0 { Kernels.copy(to, from, dims, strides, size: size) } }
    }
  }
}
