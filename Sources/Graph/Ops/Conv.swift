import CKernels
import COneDNN
import DitherBasics
import DitherTensor

/// Convolution of images [N, C, H, W] or sequences [N, C, L].
/// - Shapes: weights [M, C / group, kH, kW], bias [M].
/// - Source: ONNX `Conv`, opsets 1–28.
struct Conv: OnnxOp, WeightDrawing, Bounding {
  static let onnx = OnnxName("Conv", since: 1)
  var window = Window()
  var groups = 1
  /// Followed by a ReLU, done in the same step.
  private(set) var relu = false
  /// The last operand is added to the result.
  private(set) var sum = false

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
  func mixes(_ input: Int, along axis: Int, of shape: Shape) -> Bool { axis > 1 }
  func fusingRelu() -> (any Op)? {
    var fused = self
    fused.relu = true
    return fused
  }
  func fusingSum() -> (any Op)? {
    guard !relu, !sum else { return nil }
    var fused = self
    fused.sum = true
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

  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[0], w = call.inputs[1], hasBias = call.inputs.optional(2) != nil
    let shape = try shape(x.shape, w.shape)
    let found = try x.builder.apply(
      ConvWeightGradient(shape: shape, weights: w.shape, hasBias: hasBias), [x, upstream])
    return try [
      upstream.apply(ConvDataGradient(shape: shape, result: x.shape), w), found[0], hasBias ? found[1] : nil,
    ]
  }

  func drawingWeights(
    _ inputs: [Value?], scale: Value?, _ draws: WeightDraws, _ samples: SampleSpread, differentiable: Bool
  ) throws(GraphError) -> Value {
    let x = try inputs.value(0, "X"), w = try inputs.value(1, "W")
    var shape = try shape(x.shape, w.shape)
    let isPlain = draws.terms.allSatisfy {
      $0.term.isGaussian && $0.term.scale != .relative && $0.term.schedule == nil
    }
    guard isPlain, !differentiable, PatchNoise.isCheaper(shape) else {
      shape.batch = 1
      return try x.builder.apply(
        DrawnConv(shape: shape, draws: draws, samples: samples), [x, w, inputs.count > 2 ? inputs[2] : nil, scale])[0]
    }
    // Independent terms: variances add.
    let variance = draws.terms.reduce(Float(0)) { sum, placed in
      let term = placed.term
      let sigma = (term.sigma ?? 0) * (term.scale == .relativeToLayer ? draws.layerDeviation ?? 1 : 1)
      return sum + sigma * sigma
    }
    let y = try x.builder.apply(self, inputs)[0]
    let noise = PatchNoise(shape: shape, sigma: variance.squareRoot(), site: draws.terms[0].site, samples: samples)
    return try x.builder.apply(noise, [y, x, scale])[0]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], w = call.inputs[1]
    let other = sum ? call.inputs[call.inputs.count - 1] : nil,
      b = sum && call.inputs.count == 3 ? nil : call.inputs.optional(2)
    try plan.convolve(
      x, w, b, adding: other, into: call.outputs[0], try shape(x.shape, w.shape), relu: relu)
  }

  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    let x = try call.operand(0), w = try call.constant(1), b = try call.optionalConstant(2)
    let products = w.shape.row.count
    let radius = try call.builder.apply(
      self,
      [
        x.widened(products), call.magnitude(w),
        b.map { b throws(GraphError) in try call.magnitude(b, times: Bounds.slack(products)) },
      ])[0]
    return try Bounds(center: try call.replay([x.center, w, b]), radius: radius + Bounds.least)
  }
}

extension PlanBuilder {
  var kernelType: dn_type { precision == .bfloat16 ? DN_BF16 : DN_F32 }

  /// y = conv(x, w) + b + other, then ReLU: in the layouts that oneDNN likes, with x and y left in them.
  mutating func convolve(
    _ x: Value, _ w: Value, _ b: Value?, adding other: Value? = nil, into y: Value, _ shape: dn_convolution_shape,
    relu: Bool = false
  ) throws(GraphError) {
    var shape = shape
    var options = dn_product_options(
      type: kernelType, bias: b == nil ? 0 : 1, relu: relu ? 1 : 0, sum: other == nil ? 0 : 1, with_w_gradient_f32: 0)
    let kernel = try kernel { dn_convolution($0, DN_FORWARD, &shape, &options, nil, nil) }
    var operands = [(DN_X, try form(x, kernel.layout(DN_X))), (DN_W, try form(w, kernel.layout(DN_W)))]
    if let b { operands.append((DN_BIAS, try plain(b))) }
    let layout = try kernel.layout(DN_Y)
    if let other {
      operands.append((DN_Y, try overwrite(other, with: y, layout)))
    } else {
      operands.append((DN_Y, try newForm(y, layout)))
    }
    run(kernel, operands)
  }
}

/// The gradient of a convolution for its input: operands (upstream, weights).
struct ConvDataGradient: Op {
  let shape: dn_convolution_shape
  let result: Shape

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(result)] }
  /// Linear in each operand, so its gradients are convolutions and their gradients again.
  func gradient(_ call: Call, upstream u: Value) throws(GraphError) -> [Value?] {
    let g = call.inputs[0], w = call.inputs[1]
    return try [
      u.apply(GivenConv(shape: shape, rank: result.rank), w),
      u.builder.apply(ConvWeightGradient(shape: shape, weights: w.shape, hasBias: false), [u, g])[0],
    ]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let taps = shape.in_channels * shape.kernel_height * shape.kernel_width
    if plan.kernelType == DN_F32, shape.groups == 1, shape.in_channels <= 4, taps <= DK_MOST_TAPS,
      let layout = plan.layout(of: call.inputs[0]), let block = layout.channelBlock
    {
      return try lower(call, into: &plan, layout, block)
    }
    var shape = shape
    var options = dn_product_options(type: plan.kernelType, bias: 0, relu: 0, sum: 0, with_w_gradient_f32: 0)
    let kernel = try plan.kernel { dn_convolution($0, DN_BACKWARD_DATA, &shape, &options, nil, nil) }
    plan.run(
      kernel,
      [
        (DN_Y, try plan.form(call.inputs[0], kernel.layout(DN_Y))),
        (DN_W, try plan.form(call.inputs[1], kernel.layout(DN_W))),
        (DN_X, try plan.newForm(call.outputs[0], kernel.layout(DN_X))),
      ])
  }
}

extension ConvDataGradient {
  /// For the few channels of an image: oneDNN 2.6 computes sixteen.
  private func lower(_ call: Call, into plan: inout PlanBuilder, _ layout: KernelLayout, _ block: Int32)
    throws(GraphError)
  {
    var window = shape.window
    let inputs = shape.in_channels, channels = shape.out_channels, images = Int(shape.batch)
    let gSlot = try plan.form(call.inputs[0], layout), wSlot = try plan.plain(call.inputs[1])
    let dxSlot = try plan.plain(call.outputs[0])
    let scratch = plan.scratch(bytes: dk_thin_gradient_scratch(images, inputs, channels, &window))
    plan.step(slots: [gSlot, wSlot, dxSlot, scratch]) { memory in
      let g = memory.floats(gSlot), w = memory.floats(wSlot), dx = memory.floats(dxSlot), space = memory.raw(scratch)
      return { dk_thin_gradient_parallel(dx, g, w, space, images, inputs, channels, block, &window) }
    }
  }
}

/// The gradients of a convolution for its weights and bias: operands (x, upstream).
struct ConvWeightGradient: Op {
  let shape: dn_convolution_shape
  let weights: Shape
  let hasBias: Bool

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType(weights)] + (hasBias ? [TensorType([Int(shape.out_channels)])] : [])
  }
  func gradient(_ call: Call, upstream u: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[0], g = call.inputs[1]
    // The bias's gradient is the sum over all but the channels.
    if u.shape.rank == 1 {
      let channels = Shape([1, u.shape[0]] + [Int](repeating: 1, count: g.shape.rank - 2))
      return try [nil, u.viewed(as: channels).expanded(to: g.shape)]
    }
    return try [
      g.apply(ConvDataGradient(shape: shape, result: x.shape), u),
      x.apply(GivenConv(shape: shape, rank: x.shape.rank), u),
    ]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    var shape = shape
    var options = dn_product_options(
      type: plan.kernelType, bias: hasBias ? 1 : 0, relu: 0, sum: 0, with_w_gradient_f32: 1)
    let kernel = try plan.kernel { dn_convolution($0, DN_BACKWARD_WEIGHTS, &shape, &options, nil, nil) }
    var operands = [
      (DN_X, try plan.form(call.inputs[0], kernel.layout(DN_X))),
      (DN_Y, try plan.form(call.inputs[1], kernel.layout(DN_Y))),
      (DN_W, try plan.newForm(call.outputs[0], kernel.layout(DN_W))),
    ]
    if hasBias { operands.append((DN_BIAS, try plan.newForm(call.outputs[1], kernel.layout(DN_BIAS)))) }
    plan.run(kernel, operands)
  }
}

/// A convolution whose extents are known already: in second derivatives.
struct GivenConv: Op {
  let shape: dn_convolution_shape
  let rank: Int
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType(shape.output(like: try inputs.float(0, "X", rank: rank...rank), channels: Int(shape.out_channels)))]
  }
  func gradient(_ call: Call, upstream u: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[0], w = call.inputs[1]
    return try [
      u.apply(ConvDataGradient(shape: shape, result: x.shape), w),
      u.builder.apply(ConvWeightGradient(shape: shape, weights: w.shape, hasBias: false), [x, u])[0],
    ]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    try plan.convolve(call.inputs[0], call.inputs[1], nil, into: call.outputs[0], shape)
  }
}
