import COneDNN
import DitherBasics
import DitherTensor

/// Convolution of images [N, C, H, W] or sequences [N, C, L].
/// - Shapes: weights [M, C / group, kH, kW], bias [M].
/// - Source: ONNX `Conv`, opsets 1–21.
struct Conv: OnnxOp {
  static let onnx = OnnxName("Conv", since: 1)
  var window = Window()
  var groups = 1
  /// Followed by a ReLU, done in the same step.
  private(set) var relu = false

  init(pads: Int = 0, stride: Int = 1) {
    window = Window(strides: [stride, stride], pads: [pads, pads, pads, pads])
  }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
    window = try Window(node)
    groups = try node.int("group", default: 1)
  }
  func write(to node: inout OnnxNode) {
    window.write(to: &node)
    if groups != 1 { node["group"] = .int(Int64(groups)) }
  }

  var weightInput: Int? { 1 }
  func operations(_ inputs: [TensorType?], _ outputs: [TensorType]) -> Double {
    guard let w = inputs.optional(1)?.shape, let y = outputs.first, w[0] > 0 else { return 0 }
    return 2 * Double(y.shape.count) * Double(w.count / w[0])
  }
  func fusingRelu() -> (any Op)? {
    var fused = self
    fused.relu = true
    return fused
  }

  /// oneDNN's description for these operands.
  func shape(_ x: Shape, _ w: Shape) throws(GraphError) -> dn_convolution_shape {
    guard w.rank == x.rank else {
      throw GraphError(.shape, at: "input 'W'", expected: "rank \(x.rank), as X has", got: "\(w)")
    }
    guard groups >= 1, groups <= x[1], x[1] == w[1] * groups, w[0] % groups == 0, w[0] > 0 else {
      throw GraphError(
        .shape, at: "input 'W'", expected: "[M, \(x[1]) / group, …] with M a multiple of group = \(groups)", got: "\(w)"
      )
    }
    var result = try window.resolve(Array(x.dimensions[2...]), kernel: Array(w.dimensions[2...]))
    result.batch = Int64(x[0])
    result.in_channels = Int64(x[1])
    result.out_channels = Int64(w[0])
    result.groups = Int64(groups)
    return result
  }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(0, "X", rank: 3...4), w = try inputs.float(1, "W", rank: 3...4)
    if inputs.optional(2) != nil {
      let b = try inputs.float(2, "B", rank: 1...1)
      guard b[0] == w[0] else { throw GraphError(.shape, at: "input 'B'", expected: "[\(w[0])]", got: "\(b)") }
    }
    return [TensorType(try shape(x, w).output(like: x, channels: w[0]))]
  }

  func gradient(_ call: Call, upstream: Value) -> [Value?] {
    let x = call.inputs[0], w = call.inputs[1]
    guard let shape = try? shape(x.shape, w.shape) else { preconditionFailure("types() has passed these shapes") }
    let bias = call.inputs.optional(2).map { b in
      upstream.summed(to: Shape([1, b.shape[0]] + [Int](repeating: 1, count: x.shape.rank - 2))).viewed(as: b.shape)
    }
    return [
      upstream.apply(ConvGradient(direction: .data, shape: shape, result: x.shape), w),
      x.apply(ConvGradient(direction: .weights, shape: shape, result: w.shape), upstream), bias,
    ]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], w = call.inputs[1], b = call.inputs.optional(2), y = call.outputs[0]
    var shape = try shape(x.shape, w.shape)
    let kernel = try plan.kernel { dn_convolution($0, DN_FORWARD, &shape, b == nil ? 0 : 1, relu ? 1 : 0) }
    plan.step([x, w, b, y]) { memory in
      let from = memory.floats(x), weights = memory.floats(w), bias = b.map { memory.floats($0) }, to = memory.floats(y)
      return {
        let status = dn_convolution_run(kernel, from, weights, bias, to)
        precondition(status == 0, "oneDNN fails in a convolution that it accepted")
      }
    }
  }
}

/// The gradients of a convolution. For data: inputs (upstream, weights); for weights: (x, upstream).
struct ConvGradient: Op {
  enum Direction: Sendable { case data, weights }
  let direction: Direction
  let shape: dn_convolution_shape
  let result: Shape

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(result)] }
  /// Both are linear in each operand, so their gradients are convolutions and their gradients again.
  func gradient(_ call: Call, upstream u: Value) -> [Value?] {
    let a = call.inputs[0], b = call.inputs[1], forward = GivenConv(shape: shape, rank: result.rank)
    switch direction {
    case .data:
      return [u.apply(forward, b), u.apply(ConvGradient(direction: .weights, shape: shape, result: b.shape), a)]
    case .weights:
      return [b.apply(ConvGradient(direction: .data, shape: shape, result: a.shape), u), a.apply(forward, u)]
    }
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let a = call.inputs[0], b = call.inputs[1], y = call.outputs[0], isData = direction == .data
    var shape = shape
    let kernel = try plan.kernel { dn_convolution($0, isData ? DN_BACKWARD_DATA : DN_BACKWARD_WEIGHTS, &shape, 0, 0) }
    plan.step([a, b, y]) { memory in
      let left = memory.floats(a), right = memory.floats(b), to = memory.floats(y)
      return {
        let status =
          isData
          ? dn_convolution_run(kernel, to, right, nil, left) : dn_convolution_run(kernel, left, to, nil, right)
        precondition(status == 0, "oneDNN fails in a convolution that it accepted")
      }
    }
  }
}

/// A convolution whose extents are known already: in second derivatives.
struct GivenConv: Op {
  let shape: dn_convolution_shape
  let rank: Int
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType(shape.output(like: try inputs.float(0, "X", rank: rank...rank), channels: Int(shape.out_channels)))]
  }
  func gradient(_ call: Call, upstream u: Value) -> [Value?] {
    let x = call.inputs[0], w = call.inputs[1]
    return [
      u.apply(ConvGradient(direction: .data, shape: shape, result: x.shape), w),
      x.apply(ConvGradient(direction: .weights, shape: shape, result: w.shape), u),
    ]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], w = call.inputs[1], y = call.outputs[0]
    var shape = shape
    let kernel = try plan.kernel { dn_convolution($0, DN_FORWARD, &shape, 0, 0) }
    plan.step([x, w, y]) { memory in
      let from = memory.floats(x), weights = memory.floats(w), to = memory.floats(y)
      return {
        let status = dn_convolution_run(kernel, from, weights, nil, to)
        precondition(status == 0, "oneDNN fails in a convolution that it accepted")
      }
    }
  }
}
