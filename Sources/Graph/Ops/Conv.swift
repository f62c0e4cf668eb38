import DitherBasics
import DitherTensor

/// Convolution of images [N, C, H, W], sequences [N, C, L] or volumes [N, C, D, H, W].
/// - Shapes: weights [M, C / group, (kD,) kH, kW], bias [M].
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
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis > 1 }
  var takesChannelAffine: Bool { true }
  func absorb(_ next: ElementFunction) -> (any Op)? {
    var fused = self
    switch next {
    case .unary(.relu): fused.relu = true
    case .binary(.add) where !relu && !sum: fused.sum = true
    default: return nil
    }
    return fused
  }

  /// oneDNN's description for these operands.
  func shape(_ x: Shape, _ w: Shape) throws(GraphError) -> ConvolutionShape {
    guard w.rank == x.rank else {
      throw GraphError(.shape, at: "input 'W'", expected: "rank \(x.rank), as X has", got: "\(w)")
    }
    guard groups >= 1, groups <= x[1], x[1] == w[1] * groups, w[0] % groups == 0, w[0] > 0 else {
      throw GraphError(
        .shape, at: "input 'W'", expected: "[M, \(x[1]) / group, …] with M a multiple of group = \(groups)", got: "\(w)"
      )
    }
    var result = try window.resolve(Array(x.dimensions[2...]), kernel: Array(w.dimensions[2...]))
    result.batch = x[0]
    result.inChannels = x[1]
    result.outChannels = w[0]
    result.groups = groups
    return result
  }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(0, "X", rank: 3...5), w = try inputs.float(1, "W", rank: 3...5)
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
      $0.term.isGaussian && $0.term.scale != .relative && $0.term.schedule == nil && !$0.isShared && $0.factors == nil
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
  var kernelFormat: NumberFormat { precision == .bfloat16 ? .bfloat16 : .float32 }

  /// y = conv(x, w) + b + other, then ReLU: in the layouts that oneDNN likes, with x and y left in them.
  mutating func convolve(
    _ x: Value, _ w: Value, _ b: Value?, adding other: Value? = nil, into y: Value, _ shape: ConvolutionShape,
    relu: Bool = false
  ) throws(GraphError) {
    let options = Kernel.ProductOptions(kernelFormat, hasBias: b != nil, relu: relu, adds: other != nil)
    let kernel = try kernel { () throws(KernelError) in try Kernel(convolution: .forward, shape, options) }
    var operands: [(Kernel.Operand, Slot)] = [
      (.x, try form(x, kernel.layout(.x))), (.w, try form(w, kernel.layout(.w))),
    ]
    if let b { operands.append((.bias, try plain(b))) }
    let layout = try kernel.layout(.y)
    if let other {
      operands.append((.y, try overwrite(other, with: y, layout)))
    } else {
      operands.append((.y, try newForm(y, layout)))
    }
    run(kernel, operands)
  }
}

/// The gradient of a convolution for its input: operands (upstream, weights).
struct ConvDataGradient: Op {
  let shape: ConvolutionShape
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
    if plan.kernelFormat == .float32, let thin = Kernels.ThinGradient(shape),
      let layout = plan.layout(of: call.inputs[0]), let block = layout.channelBlock
    {
      return try lower(call, into: &plan, thin, layout, block)
    }
    let options = Kernel.ProductOptions(plan.kernelFormat)
    let kernel = try plan.kernel { () throws(KernelError) in try Kernel(convolution: .backwardData, shape, options) }
    plan.run(
      kernel,
      [
        (.y, try plan.form(call.inputs[0], kernel.layout(.y))),
        (.w, try plan.form(call.inputs[1], kernel.layout(.w))),
        (.x, try plan.newForm(call.outputs[0], kernel.layout(.x))),
      ])
  }
}

extension ConvDataGradient {
  /// For the few channels of an image: oneDNN 2.6 computes sixteen.
  private func lower(
    _ call: Call, into plan: inout PlanBuilder, _ thin: Kernels.ThinGradient, _ layout: KernelLayout, _ block: Int
  ) throws(GraphError) {
    let gSlot = try plan.form(call.inputs[0], layout), wSlot = try plan.plain(call.inputs[1])
    let dxSlot = try plan.plain(call.outputs[0]), scratch = plan.scratch(bytes: thin.scratchBytes)
    plan.step(slots: [gSlot, wSlot, dxSlot, scratch]) { memory in
      let g = memory.floats(gSlot), w = memory.floats(wSlot), dx = memory.floats(dxSlot), space = memory.raw(scratch)
      return { thin.run(dx, g, w, scratch: space, block: block) }
    }
  }
}

/// The gradients of a convolution for its weights and bias: operands (x, upstream).
struct ConvWeightGradient: Op {
  let shape: ConvolutionShape
  let weights: Shape
  let hasBias: Bool

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType(weights)] + (hasBias ? [TensorType([shape.outChannels])] : [])
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
    let options = Kernel.ProductOptions(plan.kernelFormat, hasBias: hasBias, givesWeightsInFloat32: true)
    let shape = shape
    let whole = try plan.kernel(isSingle: true) { () throws(KernelError) in
      try Kernel(convolution: .backwardWeights, shape, options)
    }
    let xLayout = try whole.layout(.x), yLayout = try whole.layout(.y), wLayout = try whole.layout(.w)
    let parts = try ConvGradientParts(whole, shape, options, x: xLayout, y: yLayout, w: wLayout, &plan)
    let x = try plan.form(call.inputs[0], xLayout), y = try plan.form(call.inputs[1], yLayout)
    let w = try plan.newForm(call.outputs[0], wLayout)
    var bias: PlanBuilder.Slot?
    if hasBias { bias = try plan.newForm(call.outputs[1], whole.layout(.bias)) }
    parts.run(x, y, w, bias, &plan)
  }
}

/// Gradients of fixed parts of a batch, one thread for each, that are added in their order: oneDNN divides the batch by
/// the number of its threads, and sums would be rounded by that.
private struct ConvGradientParts {
  /// The parts of a batch, at most.
  static let most = 4
  /// Products below which a second thread costs more than it gives.
  static let leastProducts = 4e6

  private let kernels: [Kernel]
  /// By part: where its rows begin, in bytes.
  private let starts: [(x: Int, y: Int)]
  private let weightBytes: Int, channels: Int

  /// - Parameter whole: of the batch as one part, for one thread.
  init(
    _ whole: Kernel, _ shape: ConvolutionShape, _ options: Kernel.ProductOptions, x: KernelLayout, y: KernelLayout,
    w: KernelLayout, _ plan: inout PlanBuilder
  ) throws(GraphError) {
    (weightBytes, channels) = (w.byteCount, shape.outChannels)
    let count = shape.products < Self.leastProducts ? 1 : min(Self.most, shape.batch)
    var made: [Kernel] = [], begins: [(x: Int, y: Int)] = []
    for part in 0..<count where count > 1 {
      let first = shape.batch * part / count, end = shape.batch * (part + 1) / count
      var own = shape
      own.batch = end - first
      // A layout may hold rows together that belong to several parts.
      guard let xRows = try? x.firstRows(own.batch), let yRows = try? y.firstRows(own.batch) else { break }
      let rows = own
      let kernel = try plan.kernel(isSingle: true) { () throws(KernelError) in
        try Kernel(convolution: .backwardWeights, rows, options, x: xRows, y: yRows)
      }
      // Sums of parts must lie alike.
      guard try kernel.layout(.w).isSame(as: w) else { break }
      made.append(kernel)
      begins.append((first * (x.byteCount / shape.batch), first * (y.byteCount / shape.batch)))
    }
    let isDivided = count > 1 && made.count == count
    kernels = isDivided ? made : [whole]
    starts = isDivided ? begins : [(0, 0)]
  }

  /// The first part's gradients are where the whole's will be, the others' in memory of their own.
  func run(
    _ x: PlanBuilder.Slot, _ y: PlanBuilder.Slot, _ w: PlanBuilder.Slot, _ bias: PlanBuilder.Slot?,
    _ plan: inout PlanBuilder
  ) {
    let kernels = kernels, starts = starts, numbers = weightBytes / 4, channels = channels
    let others = kernels.dropFirst().map { _ in
      (w: plan.scratch(bytes: weightBytes), bias: bias.map { _ in plan.scratch(bytes: channels * 4) })
    }
    var slots = [x, y, w] + others.map(\.w) + others.compactMap(\.bias)
    if let bias { slots.append(bias) }
    plan.step(slots: slots) { memory in
      for (part, kernel) in kernels.enumerated() {
        kernel[.x] = memory.raw(x) + starts[part].x
        kernel[.y] = memory.raw(y) + starts[part].y
        kernel[.w] = memory.raw(part == 0 ? w : others[part - 1].w)
        kernel[.bias] = (part == 0 ? bias : others[part - 1].bias).map { memory.raw($0) }
      }
      let parts = KernelParts(kernels), sum = memory.floats(w), terms = others.map { memory.floats($0.w) }
      let biasSum = bias.map { memory.floats($0) }, biasTerms = others.compactMap { $0.bias.map { memory.floats($0) } }
      return {
        parts.run()
        for term in terms { Kernels.parallelBinary(.add, sum, sum, term, numbers) }
        guard let biasSum else { return }
        for term in biasTerms { Kernels.binary(.add, biasSum, biasSum, term, channels) }
      }
    }
  }
}

/// A convolution whose extents are known already: in second derivatives.
struct GivenConv: Op {
  let shape: ConvolutionShape
  let rank: Int
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType(shape.output(like: try inputs.float(0, "X", rank: rank...rank), channels: shape.outChannels))]
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
