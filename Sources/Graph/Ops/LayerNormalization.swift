import DitherBasics
import DitherTensor

/// All that lies behind an axis brought to mean 0 and variance 1, then `· Scale + B`; also the mean, and the inverse of
/// the standard deviation.
/// - Shapes: Scale and B broadcast to the normalized axes.
/// - Source: ONNX `LayerNormalization`, opsets 17–28, computed in float32; Ba et al. 2016, arXiv 1607.06450.
struct LayerNormalization: Composite {
  static let onnx = OnnxName("LayerNormalization", since: 17)
  private let core: LayerStandardization
  private let outputs: Int
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis", "epsilon", "stash_type")
    core = LayerStandardization(
      axis: try node.int("axis", default: -1), epsilon: try node.float("epsilon", default: 1e-5))
    outputs = node.outputCount
    guard (1...3).contains(outputs), try node.int("stash_type", default: 1) == 1 else {
      throw GraphError(
        .unsupportedOp, at: node.place, expected: "one to three outputs, computed in float32", got: "another form")
    }
  }
  func write(to node: inout OnnxNode) {
    if core.axis != -1 { node["axis"] = .int(Int64(core.axis)) }
    node["epsilon"] = .float(core.epsilon)
  }
  var isNormalization: Bool { true }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    axis >= (try? resolveAxis(core.axis, rank: types.rank(input))) ?? 0
  }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.value(0, "X"), y = try builder.apply(core, inputs)
    guard outputs > 1 else { return y }
    let kept = try core.kept(x.shape), inverse = try x.standardized(keeping: kept, epsilon: core.epsilon).inverse
    return try Array((y + [x.mean(keeping: kept), inverse])[..<outputs])
  }
}

/// The normalization itself, with its first output.
struct LayerStandardization: Op {
  let axis: Int
  let epsilon: Float

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(0, "X", rank: 1...8), first = try resolveAxis(axis, rank: x.rank)
    let normalized = Shape(Array(x.dimensions[first...]))
    for (position, name) in [(1, "Scale"), (2, "B")] where position == 1 || inputs.optional(2) != nil {
      let shape = try inputs.float(position, name)
      guard Shape.broadcast(shape, normalized) == normalized else {
        throw GraphError(
          .shape, at: "input '\(name)'", expected: "a shape that broadcasts to \(normalized)", got: "\(shape)")
      }
    }
    return [TensorType(x)]
  }

  /// x's shape with extent 1 along the normalized axes.
  func kept(_ x: Shape) throws(GraphError) -> Shape {
    let first = try resolveAxis(axis, rank: x.rank)
    return Shape(x.dimensions[..<first] + [Int](repeating: 1, count: x.rank - first))
  }

  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[0], scale = call.inputs[1], kept = try kept(x.shape)
    let (normalized, inverse) = try x.standardized(keeping: kept, epsilon: epsilon)
    let forBias = try call.inputs.optional(2).map { bias throws(GraphError) in try upstream.summed(to: bias.shape) }
    return try [
      (upstream * scale).throughStandardization(normalized, inverse, keeping: kept),
      (upstream * normalized).summed(to: scale.shape), forBias,
    ]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], scale = call.inputs[1], bias = call.inputs.optional(2), y = call.outputs[0]
    let rows = try kept(x.shape).count, length = x.shape.count / rows, epsilon = epsilon
    let dims = x.shape.dimensions.map(Int64.init), own = x.shape.strides.map(Int64.init)
    func spread(_ value: Value) -> [Int64] { value.shape.strides(broadcastTo: x.shape).map(Int64.init) }
    let scaleStrides = spread(scale), biasStrides = bias.map(spread)
    plan.step([x, scale, bias, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y), a = memory.floats(scale), b = bias.map { memory.floats($0) }
      return {
        standardize(from, to, rows: rows, length: length, epsilon: epsilon)
        Kernels.binary(.multiply, to, to, a, dims, own, scaleStrides)
        if let b, let biasStrides { Kernels.binary(.add, to, to, b, dims, own, biasStrides) }
      }
    }
  }
}
