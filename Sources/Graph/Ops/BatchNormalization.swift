import DitherBasics
import DitherTensor

/// Normalization with stored statistics, as at inference: `(x − mean) / √(var + epsilon) · scale + bias`, by channel.
/// - Source: ONNX `BatchNormalization`, opsets 7–28, not in training mode.
struct BatchNormalization: OnnxOp, Bounding {
  static let onnx = OnnxName("BatchNormalization", since: 7)
  var epsilon: Float = 1e-5
  init() {}
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("epsilon", "momentum", "training_mode", "spatial")
    epsilon = try node.float("epsilon", default: 1e-5)
    guard node.outputCount == 1, try !node.flag("training_mode", default: false),
      try node.flag("spatial", default: true)
    else {
      throw GraphError(
        .unsupportedOp, at: node.place, expected: "normalization with stored statistics, by channel",
        got: "training mode or statistics as outputs", advice: "export the model in evaluation mode")
    }
  }
  func write(to node: inout OnnxNode) { node["epsilon"] = .float(epsilon) }
  var isNormalization: Bool { true }
  var statisticsVariant: StatisticsVariant? {
    StatisticsVariant(op: BatchStatisticsNormalization(epsilon: epsilon), mean: 3, variance: 4)
  }
  func channelAffine(_ constants: [Tensor?]) -> ChannelAffine? {
    guard constants.count == 5, let scale = constants[1], let shift = constants[2], let mean = constants[3],
      let variance = constants[4], [shift, mean, variance].allSatisfy({ $0.shape == scale.shape })
    else { return nil }
    let factor = scale.zip(variance) { $0 / ($1 + epsilon).squareRoot() }
    return factor.isFinite ? ChannelAffine(factor: factor, center: mean, shift: shift) : nil
  }
  /// The stored statistics are not moved by gradients.
  func trainable(_ input: Int) -> Bool { input < 3 }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(0, "X", rank: 2...5)
    for (position, name) in [(1, "scale"), (2, "B"), (3, "input_mean"), (4, "input_var")] {
      let shape = try inputs.float(position, name, rank: 1...1)
      guard shape[0] == x[1] else {
        throw GraphError(.shape, at: "input '\(name)'", expected: "[\(x[1])], one for each channel", got: "\(shape)")
      }
    }
    return [TensorType(x)]
  }

  /// 1 / √(var + epsilon), as [1, C, 1, …].
  private func inverse(_ call: Call, _ shape: Shape) throws(GraphError) -> Value {
    try (call.inputs[4] + epsilon).map(.squareRoot).map(.reciprocal).viewed(as: shape)
  }

  func gradient(_ call: Call, upstream g: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[0], scale = call.inputs[1], mean = call.inputs[3]
    let channels = Shape([1, x.shape[1]] + [Int](repeating: 1, count: x.shape.rank - 2))
    let inverse = try inverse(call, channels)
    let normalized = try (x - mean.viewed(as: channels)) * inverse
    let forScale = try (g * normalized).summed(to: channels), forBias = try g.summed(to: channels)
    let slope = try scale.viewed(as: channels) * inverse
    // Statistics may be computed in the graph: converters write other normalizations so.
    return try [
      g * slope, forScale.viewed(as: scale.shape), forBias.viewed(as: scale.shape),
      -(slope * forBias).viewed(as: scale.shape), (-0.5 * (slope * inverse * forScale)).viewed(as: scale.shape),
    ]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], channels = x.shape[1], epsilon = epsilon
    let inner = x.shape.count / max(x.shape[0] * channels, 1), rows = x.shape[0]
    let constants = (1...4).map { call.inputs[$0] }
    plan.step([x, y] + constants) { memory in
      let from = memory.floats(x), to = memory.floats(y), c = constants.map { memory.floats($0) }
      return {
        for row in 0..<rows {
          for channel in 0..<channels {
            let a = c[0][channel] / (c[3][channel] + epsilon).squareRoot(), b = c[1][channel] - c[2][channel] * a
            let start = (row * channels + channel) * inner
            for i in start..<start + inner { to[i] = a * from[i] + b }
          }
        }
      }
    }
  }

  /// One product and one sum by channel, of constants that take some roundings themselves.
  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    let x = try call.operand(0)
    var constants: [Value] = []
    for position in 1...4 { constants.append(try call.constant(position)) }
    let channels = Shape([1, x.center.shape[1]] + [Int](repeating: 1, count: x.center.shape.rank - 2))
    let slope = try ((constants[3] + epsilon).map(.squareRoot).map(.reciprocal) * constants[0]).map(.abs)
    let shift = try Bounds.slack(8) * (constants[1].map(.abs) + slope * constants[2].map(.abs))
    return Bounds(
      center: try call.replay([x.center] + constants),
      radius: try x.widened(8) * slope.viewed(as: channels) + shift.viewed(as: channels) + Bounds.least)
  }
}

/// Normalization by the batch's own statistics, as in training: operands x, scale, shift; results y, mean, biased
/// variance.
/// - Source: Ioffe and Szegedy 2015, arXiv 1502.03167, algorithm 1.
struct BatchStatisticsNormalization: Op {
  let epsilon: Float
  /// Followed by a ReLU, done in the same step.
  private(set) var relu = false
  init(epsilon: Float) { self.epsilon = epsilon }
  var isNormalization: Bool { true }
  func absorb(_ next: ElementFunction) -> (any Op)? {
    guard next == .unary(.relu) else { return nil }
    var fused = self
    fused.relu = true
    return fused
  }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(0, "X", rank: 2...4), channels = TensorType([x[1]])
    return [TensorType(x), channels, channels]
  }
  /// No gradient passes through the statistics: nothing that is differentiated reads them.
  func gradient(_ call: Call, upstream g: Value) throws(GraphError) -> [Value?] {
    guard call.outputs.count == 3 else { return [nil, nil, nil] }
    let found = try g.builder.apply(
      BatchStatisticsGradient(epsilon: epsilon),
      [g, call.inputs[0], call.inputs[1], call.outputs[1], call.outputs[2], call.inputs[2]])
    return [found[0], found[1], found[2]]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let (kernel, layout) = try plan.normalization(call.inputs[0], epsilon, relu)
    let x = try plan.form(call.inputs[0], layout), y = try plan.newForm(call.outputs[0], layout)
    let scale = try plan.plain(call.inputs[1]), shift = try plan.plain(call.inputs[2])
    let mean = try plan.plain(call.outputs[1]), variance = try plan.plain(call.outputs[2])
    let scratch = plan.scratch(bytes: kernel.scratchBytes)
    plan.step(slots: [x, y, scale, shift, mean, variance, scratch]) { memory in
      let from = memory.raw(x), to = memory.raw(y), factors = memory.floats(scale), shifts = memory.floats(shift)
      let means = memory.floats(mean), variances = memory.floats(variance), space = memory.raw(scratch)
      return {
        kernel.run(to, from, scale: factors, shift: shifts, mean: means, variance: variances, scratch: space)
      }
    }
  }
}

/// Operands: upstream, x, scale, mean, variance and shift. Results: the gradients for x, scale and shift.
struct BatchStatisticsGradient: Op {
  let epsilon: Float
  /// The upstream gradient is that behind the ReLU.
  var relu = false
  func absorb(mask upstream: ValueID?, of result: ValueID, by forward: any Op, _ inputs: [ValueID?]) -> (
    op: any Op, inputs: [ValueID?]
  )? {
    guard !relu, (forward as? BatchStatisticsNormalization)?.relu == true else { return nil }
    var fused = self, operands = inputs
    fused.relu = true
    operands[0] = upstream
    return (fused, operands)
  }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(1, "X"), channels = TensorType([x[1]])
    return [TensorType(x), channels, channels]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] { throw noSecondDerivative(call) }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let (kernel, layout) = try plan.normalization(call.inputs[1], epsilon, relu)
    let g = try plan.form(call.inputs[0], layout), x = try plan.form(call.inputs[1], layout)
    let scale = try plan.plain(call.inputs[2]), mean = try plan.plain(call.inputs[3])
    let variance = try plan.plain(call.inputs[4]), shift = try plan.plain(call.inputs[5])
    let dx = try plan.newForm(call.outputs[0], layout), dScale = try plan.plain(call.outputs[1])
    let dShift = try plan.plain(call.outputs[2]), scratch = plan.scratch(bytes: kernel.scratchBytes)
    plan.step(slots: [g, x, scale, mean, variance, shift, dx, dScale, dShift, scratch]) { memory in
      let upstream = memory.raw(g), from = memory.raw(x), to = memory.raw(dx), space = memory.raw(scratch)
      let factors = memory.floats(scale), shifts = memory.floats(shift), means = memory.floats(mean)
      let variances = memory.floats(variance), ofScale = memory.floats(dScale), ofShift = memory.floats(dShift)
      return {
        kernel.gradient(
          to, dScale: ofScale, dShift: ofShift, upstream, from, scale: factors, shift: shifts, mean: means,
          variance: variances, scratch: space)
      }
    }
  }
}

extension PlanBuilder {
  /// The kernel, and the layout of x that it reads: the one that x has, or the plain one.
  fileprivate func normalization(_ x: Value, _ epsilon: Float, _ relu: Bool) throws(GraphError) -> (
    kernel: Kernels.BatchNormalization, layout: KernelLayout
  ) {
    if let layout = layout(of: x), let kernel = Kernels.BatchNormalization(layout, epsilon: epsilon, relu: relu) {
      return (kernel, layout)
    }
    let plain = try KernelLayout.plain(x.shape)
    guard let kernel = Kernels.BatchNormalization(plain, epsilon: epsilon, relu: relu) else {
      throw GraphError(.kernel, at: "a normalization", expected: "channels behind the first axis", got: "\(x.shape)")
    }
    return (kernel, plain)
  }
}
