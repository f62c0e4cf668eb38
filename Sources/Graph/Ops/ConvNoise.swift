import DitherBasics
import DitherTensor

// Fresh weight noise of convolutions, exactly. The noise of one output channel over the P positions of an image is N(0,
// σ² X Xᵀ) with X the patches: channels are independent, positions are not. With few positions the noise is drawn at
// the outputs, through a factor of the P × P matrix; with many, the weights are drawn.

/// How many rows the result has for those that come in, and how many draws those are already.
struct SampleSpread: Sendable {
  /// Rows of the request.
  let rows: Int
  /// Draws that the operand's rows are already.
  let spread: Int
  /// Copies of each of its rows.
  let repeats: Int

  /// `body` gets the operand's row, the result's, the draw and the request's row, draw by draw.
  func each(_ body: (_ from: Int, _ to: Int, _ sample: Int, _ row: Int) -> Void) {
    for sample in 0..<spread * repeats {
      for row in 0..<rows { body(sample % spread * rows + row, sample * rows + row, sample, row) }
    }
  }
}

/// y + noise of the weights: operands y, x, and the factors of the channels where a normalization was folded into the
/// weights.
struct PatchNoise: Op {
  let shape: ConvolutionShape
  let sigma: Float
  let site: UInt32
  let samples: SampleSpread
  /// Relative to the largest variance; keeps the factor of a singular matrix finite.
  private static let jitter = 1e-6

  /// Whether this costs less than drawing the weights. In units of a multiply-add of the convolution: a weight's draw
  /// and its reorder take about 110 (measured: 1.2 billion normals a second against 50 billion multiply-adds).
  static func isCheaper(_ shape: ConvolutionShape) -> Bool {
    guard shape.groups == 1, !shape.isVolume else { return false }
    let positions = Double(shape.outHeight * shape.outWidth), pixels = Double(shape.inHeight * shape.inWidth)
    let places = Double(shape.kernelHeight * shape.kernelWidth), channels = Double(shape.outChannels)
    let gram = pixels * pixels * Double(shape.inChannels) + 4 * positions * positions * places
    let factor = 2 * positions * positions * positions + positions * positions * channels
    let draws = 110 * (positions * channels)
    return positions <= 256
      && gram + factor + draws < 110 * places * Double(shape.inChannels) * channels
  }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let y = try inputs.float(0, "y")
    return [TensorType(y.replacingRows(samples.repeats * y[0]))]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    // Where gradients are asked for, the weights are drawn.
    throw noSecondDerivative(call)
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let y = call.inputs[0], x = call.inputs[1], scale = call.inputs.optional(2), z = call.outputs[0]
    let positions = shape.outHeight * shape.outWidth, pixels = shape.inHeight * shape.inWidth
    let rowCount = y.shape[0], inputs = shape.inChannels, channels = shape.outChannels, sigma = sigma,
      site = site, samples = samples
    let shape = shape
    let gramSlot = plan.scratch(bytes: pixels * pixels * 4), patchSlot = plan.scratch(bytes: positions * positions * 8)
    let factorSlot = plan.scratch(bytes: positions * positions * 4 * rowCount)
    let drawSlot = plan.scratch(bytes: channels * positions * 4)
    let gramKernel = try plan.kernel { () throws(KernelError) in
      try Kernel(plainProduct: pixels, pixels, inputs, transposesX: true)
    }
    let noiseKernel = try plan.kernel { () throws(KernelError) in
      try Kernel(plainProduct: channels, positions, positions, transposesW: true, adds: true)
    }
    plan.step([y, x, scale, z], scratch: [gramSlot, patchSlot, factorSlot, drawSlot]) { memory in
      let from = memory.floats(y), images = memory.floats(x), to = memory.floats(z), state = memory.state
      let factors = scale.map { memory.floats($0) }, gram = memory.floats(gramSlot), draws = memory.floats(drawSlot)
      let patches = memory.raw(patchSlot).assumingMemoryBound(to: Double.self), roots = memory.floats(factorSlot)
      let size = channels * positions, square = positions * positions
      return {
        for row in 0..<rowCount {
          let image = images + row * inputs * pixels
          gramKernel.run(x: image, w: image, y: gram)
          Kernels.patchGram(patches, gram, shape)
          Kernels.cholesky(roots + row * square, patches, positions, jitter: Self.jitter)
        }
        samples.each { source, target, sample, row in
          let (address, sign) = state.address(sample, row: row, site: site, isSymmetric: true)
          address.normals(UnsafeMutableBufferPointer(start: draws, count: size))
          for channel in 0..<channels {
            Kernels.scale(draws + channel * positions, sign * sigma * (factors?[channel] ?? 1), positions)
          }
          let result = to + target * size
          result.update(from: from + source * size, count: size)
          noiseKernel.run(x: draws, w: roots + source * square, y: result)
        }
      }
    }
  }
}

/// A convolution whose weights are drawn for every row and sample; rows of one seed share them. Operands: x, w, b or
/// none, and the factors of the channels or none.
struct DrawnConv: Op {
  let shape: ConvolutionShape
  let draws: WeightDraws
  let samples: SampleSpread

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(0, "X")
    return [
      TensorType(shape.output(like: x, channels: shape.outChannels).replacingRows(samples.repeats * x[0]))
    ]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[0]
    let each = try upstream.builder.apply(
      DrawnConvGradient(shape: shape, draws: draws, samples: samples, result: x.shape),
      [upstream, call.inputs[1], call.inputs.optional(3)])[0]
    return try [sumOfCopies(each, samples.repeats, x.shape), nil, nil, nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    try plan.convolveDrawn(
      .forward, shape, draws, samples, x: call.inputs[0], w: call.inputs[1], b: call.inputs.optional(2),
      scale: call.inputs.optional(3), y: call.outputs[0])
  }
}

/// The gradient for the input, of every row and sample. Operands: upstream, w, the factors of the channels or none.
struct DrawnConvGradient: Op {
  let shape: ConvolutionShape
  let draws: WeightDraws
  let samples: SampleSpread
  let result: Shape
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType(result.replacingRows(samples.repeats * result[0]))]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    throw noSecondDerivative(call)
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    // Row for row: nothing is repeated on the way back.
    let flat = SampleSpread(rows: samples.rows, spread: samples.spread * samples.repeats, repeats: 1)
    try plan.convolveDrawn(
      .backwardData, shape, draws, flat, x: call.outputs[0], w: call.inputs[1], b: nil,
      scale: call.inputs.optional(2), y: call.inputs[0])
  }
}

extension PlanBuilder {
  fileprivate mutating func convolveDrawn(
    _ direction: Kernel.Direction, _ shape: ConvolutionShape, _ draws: WeightDraws, _ samples: SampleSpread, x: Value,
    w: Value, b: Value?, scale: Value?, y: Value
  ) throws(GraphError) {
    // The layouts of the whole batches, of which a row is a part; then a kernel for one row in them.
    func whole(_ value: Value) -> ConvolutionShape {
      var whole = shape
      whole.batch = value.shape[0]
      return whole
    }
    let options = Kernel.ProductOptions(kernelFormat, hasBias: b != nil)
    let xShape = whole(x), yShape = whole(y)
    var one = shape
    one.batch = 1
    let xLayout = try kernel { () throws(KernelError) in try Kernel(convolution: direction, xShape, options) }.layout(
      .x)
    let yLayout = try kernel { () throws(KernelError) in try Kernel(convolution: direction, yShape, options) }.layout(
      .y)
    let (xRow, yRow) = try kernelled { () throws(KernelError) in try (xLayout.firstRows(1), yLayout.firstRows(1)) }
    let row = one
    let kernel = try kernel { () throws(KernelError) in
      try Kernel(convolution: direction, row, options, x: xRow, y: yRow)
    }
    let wLayout = try kernel.layout(.w), wPlain = try KernelLayout.plain(wLayout.dimensions)
    let packing = try self.kernel { () throws(KernelError) in try Kernel(reordering: wPlain, to: wLayout) }
    let isForward = direction == .forward
    let xSlot = isForward ? try form(x, xLayout) : try newForm(x, xLayout)
    let ySlot = isForward ? try newForm(y, yLayout) : try form(y, yLayout)
    let wSlot = try plain(w)
    var bSlot: Slot?, scaleSlot: Slot?
    if let b { bSlot = try plain(b) }
    if let scale { scaleSlot = try plain(scale) }
    let weightShape = w.shape, channels = scale?.shape.count ?? 1
    let drawn = scratch(bytes: weightShape.count * 4), packed = scratch(bytes: wLayout.byteCount)
    let xBytes = xLayout.byteCount / max(x.shape[0], 1), yBytes = yLayout.byteCount / max(y.shape[0], 1)
    let slots = [xSlot, ySlot, wSlot, drawn, packed] + [bSlot, scaleSlot].compactMap { $0 }
    step(slots: slots) { [bSlot, scaleSlot] memory in
      let weights = memory.floats(wSlot), own = memory.floats(drawn), factors = scaleSlot.map { memory.floats($0) }
      let images = memory.raw(xSlot), results = memory.raw(ySlot), state = memory.state
      packing[.x] = memory.raw(drawn)
      packing[.y] = memory.raw(packed)
      kernel[.w] = memory.raw(packed)
      kernel[.bias] = bSlot.map { memory.raw($0) }
      return {
        samples.each { source, target, sample, row in
          if row == 0 || state.seeds[row] != state.seeds[row - 1] {
            draws.draw(own, from: weights, shape: weightShape, channels: channels, scale: factors) {
              state.draw(sample, row: row, $0)
            }
            packing.run()
          }
          kernel[.x] = images + source * xBytes
          kernel[.y] = results + target * yBytes
          kernel.run()
        }
      }
    }
  }
}
