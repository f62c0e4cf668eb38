import DitherBasics
import DitherTensor

/// Values below `min` become it, those above `max` that, of floats or of integers. The bounds are attributes up to
/// opset 10, inputs from 11 on.
/// - Source: ONNX `Clip`, opsets 6–28.
struct Clip: OnnxOp, Increasing {
  static let onnx = OnnxName("Clip", since: 6)
  private var low: Float?
  private var high: Float?
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("min", "max")
    if node["min"] != nil { low = try node.float("min", default: 0) }
    if node["max"] != nil { high = try node.float("max", default: 0) }
  }
  func write(to node: inout OnnxNode) {
    if let low { node.constantInputs[1] = .float(Tensor([], [low])) }
    if let high { node.constantInputs[2] = .float(Tensor([], [high])) }
  }
  var isActivation: Bool { true }

  func rows(_ call: RowsCall) -> RowFacts? {
    guard call.operand(1) == nil || call.uniform(1) != nil, call.operand(2) == nil || call.uniform(2) != nil else {
      return nil
    }
    return call.sameRows?.held(from: call.uniform(1) ?? low, to: call.uniform(2) ?? high)
  }

  /// Bounds that are constants are part of a formula.
  func trainable(_ input: Int) -> Bool { input == 0 }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    if let data = inputs.optional(0), data.element == .int64 { return [try integers(data, inputs)] }
    let x = try inputs.float(0, "input")
    for (position, name) in [(1, "min"), (2, "max")] where inputs.optional(position) != nil {
      let shape = try inputs.float(position, name)
      guard shape.count == 1 else {
        throw GraphError(.shape, at: "input '\(name)'", expected: "one number", got: "\(shape)")
      }
    }
    return [TensorType(x)]
  }

  private func integers(_ data: TensorType, _ inputs: [TensorType?]) throws(GraphError) -> TensorType {
    var bounds: [Int64?] = [nil, nil], isKnown = true
    for (position, name) in [(1, "min"), (2, "max")] {
      guard let bound = inputs.optional(position) else { continue }
      guard bound.element == .int64, bound.shape.count == 1 else {
        throw GraphError(.shape, at: "input '\(name)'", expected: "one integer, as the input's are", got: "\(bound)")
      }
      bounds[position - 1] = bound.known?.first
      isKnown = isKnown && bound.known != nil
    }
    guard low == nil, high == nil else {
      throw GraphError(.unsupportedType, at: "input 'input'", expected: "floats before opset 12", got: "\(data)")
    }
    let known = isKnown ? data.known?.map { Self.held($0, bounds[0], bounds[1]) } : nil
    return TensorType(data.shape, .int64, known: known)
  }
  /// Where the bounds cross, the upper one counts.
  private static func held(_ value: Int64, _ low: Int64?, _ high: Int64?) -> Int64 {
    Swift.min(Swift.max(value, low ?? .min), high ?? .max)
  }

  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[0], one: Shape = []
    var inside = upstream
    if let bound = call.inputs.optional(1) {
      inside = try inside * x.apply(Binary(.greaterOrEqual), bound.viewed(as: one))
    }
    if let bound = call.inputs.optional(2) {
      inside = try inside * (-x).apply(Binary(.greaterOrEqual), -bound.viewed(as: one))
    }
    if let low { inside = try inside * (x >= low) }
    if let high { inside = try inside * (x <= high) }
    // A bound gets what it holds back.
    let below = try call.inputs.optional(1).map { bound throws(GraphError) in
      try (upstream * (-x.apply(Binary(.greaterOrEqual), bound.viewed(as: one)) + 1)).summed(to: one).viewed(
        as: bound.shape)
    }
    let above = try call.inputs.optional(2).map { bound throws(GraphError) in
      try (upstream * (-bound.viewed(as: one).apply(Binary(.greaterOrEqual), x) + 1)).summed(to: one).viewed(
        as: bound.shape)
    }
    return [inside, below, above]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = x.shape.count
    let min = call.inputs.optional(1), max = call.inputs.optional(2), low = low, high = high
    if x.type.element == .int64 {
      plan.step([x, y, min, max]) { memory in
        let from = memory.integers(x), to = memory.integers(y)
        let least = min.map { memory.integers($0) }, most = max.map { memory.integers($0) }
        return { for i in 0..<count { to[i] = Self.held(from[i], least?[0], most?[0]) } }
      }
      return
    }
    plan.step([x, y, min, max]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      let least = min.map { memory.floats($0) }, most = max.map { memory.floats($0) }
      return {
        Kernels.clip(
          to, from, least?[0] ?? low ?? -.infinity, most?[0] ?? high ?? .infinity, count)
      }
    }
  }
}
