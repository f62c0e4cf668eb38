import DitherTensor

/// The largest element over axes; of none, −∞. Where elements tie, the gradient goes to the first.
/// - Source: ONNX `ReduceMax`, opsets 1–28.
struct ReduceMax: OverAxes, Increasing {
  static let onnx = OnnxName("ReduceMax", since: 1)
  let axes: ReducedAxes
  init(_ axes: ReducedAxes) { self.axes = axes }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data"), (kept, result) = try axes.shapes(data.shape, inputs)
    if let integers = IntegerReduction.maximum.type(data, kept: kept, result: result) { return [integers] }
    _ = try inputs.float(0, "data", rank: 0...8)
    return [TensorType(result)]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [upstream.apply(ReduceMaxGradient(kept: axes.kept(call)), call.inputs[0], call.outputs[0]), nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], y = call.outputs[0], count = y.shape.count, kept = try axes.kept(call)
    guard y.type.element == .float32 else {
      return IntegerReduction.maximum.lower(x, to: y, kept: kept, into: &plan)
    }
    let dims = x.shape.dimensions.map(Int64.init), isEmpty = x.shape.count == 0
    let strides = kept.strides(broadcastTo: x.shape).map(Int64.init)
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      if isEmpty { return { to.update(repeating: -.infinity, count: count) } }
      return { Kernels.reduceMax(to, count, from, dims, strides) }
    }
  }
}

/// The gradient of a maximum: inputs are the upstream gradient, x and the maxima. `kept`: their shape with reduced axes
/// of extent 1.
struct ReduceMaxGradient: Op {
  let kept: Shape
  var takesEmpty: Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(try inputs.float(1, "x"))] }
  /// Linear in the upstream gradient.
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    [
      try upstream.apply(PickedMaximum(kept: kept, result: call.inputs[0].shape), call.inputs[1], call.inputs[2]), nil,
      nil,
    ]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let count = call.inputs[1].shape.count
    plan.walkMaxima(call, kept, clearing: count) { to, upstream, element, maximum in to[element] = upstream[maximum] }
  }
}

/// The numbers of the first operand that lie where the second has the first of its maxima, the third.
struct PickedMaximum: Op {
  let kept: Shape
  let result: Shape
  var takesEmpty: Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(result)] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    [try upstream.apply(ReduceMaxGradient(kept: kept), call.inputs[1], call.inputs[2]), nil, nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    plan.walkMaxima(call, kept, clearing: kept.count) { to, from, element, maximum in to[maximum] = from[element] }
  }
}

extension PlanBuilder {
  /// Calls `take` for the first element that is each maximum, with the result and the first operand. Operands 1 and 2
  /// are x and its maxima, of shape `kept`; the first `cleared` results are 0 before.
  fileprivate mutating func walkMaxima(
    _ call: Call, _ kept: Shape, clearing cleared: Int,
    _ take: @escaping (UnsafeMutablePointer<Float>, UnsafePointer<Float>, _ element: Int, _ maximum: Int) -> Void
  ) {
    let g = call.inputs[0], x = call.inputs[1], maxima = call.inputs[2], y = call.outputs[0]
    let shape = x.shape, strides = kept.strides(broadcastTo: shape), count = shape.count, results = kept.count
    let own = shape.strides, rank = shape.rank, taken = scratch(bytes: results)
    step([g, x, maxima, y], scratch: [taken]) { memory in
      let given = memory.floats(g), from = memory.floats(x), top = memory.floats(maxima), to = memory.floats(y)
      let flags = memory.scratch(taken).assumingMemoryBound(to: Bool.self)
      return {
        flags.update(repeating: false, count: results)
        to.update(repeating: 0, count: cleared)
        for i in 0..<count {
          var at = 0
          for axis in 0..<rank { at += i / own[axis] % shape[axis] * strides[axis] }
          guard !flags[at], from[i] == top[at] else { continue }
          take(to, given, i, at)
          flags[at] = true
        }
      }
    }
  }
}
