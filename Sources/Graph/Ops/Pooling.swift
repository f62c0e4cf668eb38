import DitherBasics
import DitherTensor

extension Window {
  /// All extents of a pooling of `x`, [N, C, L] or [N, C, H, W].
  /// - Throws: where the window does not fit, or lies in nothing but padding.
  func pooling(_ x: Shape) throws(GraphError) -> ConvolutionShape {
    var result = try resolve(Array(x.dimensions[2...]))
    result.batch = x[0]
    result.inChannels = x[1]
    result.outChannels = x[1]
    // Padding as wide as the window would make windows of nothing but padding.
    guard result.padTop < result.kernelHeight * result.dilationHeight || result.padTop == 0,
      result.padLeft < result.kernelWidth * result.dilationWidth || result.padLeft == 0,
      result.padBottom < result.kernelHeight * result.dilationHeight + result.strideHeight,
      result.padRight < result.kernelWidth * result.dilationWidth + result.strideWidth
    else {
      throw GraphError(
        .attribute, at: "attribute 'pads'", expected: "less padding than the window is wide", got: "\(pads ?? [])")
    }
    return result
  }

  /// How many numbers windows read for these results.
  func reads(_ outputs: [TensorType]) -> Double {
    (kernel ?? []).reduce(Double(outputs.first?.shape.count ?? 0)) { $0 * Double($1) }
  }
}

extension Window {
  /// The window along some of its axes alone.
  fileprivate func along(_ axes: Range<Int>, of rank: Int) -> Window {
    var part = self
    func cut(_ values: [Int]?) -> [Int]? { values.map { Array($0[axes]) } }
    (part.kernel, part.strides, part.dilations) = (cut(kernel), cut(strides), cut(dilations))
    part.pads = pads.map { Array($0[axes]) + Array($0[(rank + axes.lowerBound)..<(rank + axes.upperBound)]) }
    return part
  }

  /// Beside its own axis, one that it leaves as it is.
  fileprivate var column: Window {
    var wide = self
    func widened(_ values: [Int]?, _ other: Int) -> [Int]? { values.map { $0 + [other] } }
    (wide.kernel, wide.strides, wide.dilations) = (widened(kernel, 1), widened(strides, 1), widened(dilations, 1))
    wide.pads = pads.map { [$0[0], 0, $0[1], 0] }
    return wide
  }
}

extension Value {
  /// The pooling `pool` of sequences and images; of volumes [N, C, D, H, W] it is that of their planes, and then along
  /// their depth: the largest of a box, and a mean over one, padded or not, come of one axis after the other.
  func pooled(
    by window: Window, _ pool: (Value, Window) throws(GraphError) -> Value
  ) throws(GraphError) -> Value {
    guard shape.rank == 5 else { return try pool(self, window) }
    for (name, values, count) in [
      ("kernel_shape", window.kernel, 3), ("strides", window.strides, 3), ("dilations", window.dilations, 3),
      ("pads", window.pads, 6),
    ] where values.map({ $0.count != count }) ?? (name == "kernel_shape") {
      throw GraphError(.attribute, at: "attribute '\(name)'", expected: "\(count) values", got: "\(values ?? [])")
    }
    let (rows, channels, depth) = (shape[0], shape[1], shape[2])
    let planes = try pool(
      viewed(as: [rows, channels * depth, shape[3], shape[4]]), window.along(1..<3, of: 3))
    let (height, width) = (planes.shape[2], planes.shape[3])
    let boxes = try pool(
      planes.viewed(as: [rows, channels, depth, height * width]), window.along(0..<1, of: 3).column)
    return try boxes.viewed(as: [rows, channels, boxes.shape[2], height, width])
  }
}

extension PlanBuilder {
  /// In the layout that x has already.
  mutating func pool(_ x: Value, _ y: Value, _ kind: Kernel.Pooling, _ shape: ConvolutionShape) throws(GraphError) {
    let layout = try imageLayout(x, shape)
    if kind == .max, let block = layout.maximaBlock { return try poolMaxima(x, y, layout, block, shape) }
    let differentiated = isDifferentiated
    let kernel = try kernel { () throws(KernelError) in
      try Kernel(pooling: .forward, kind, shape, layout, isDifferentiated: differentiated)
    }
    let workspace = differentiated ? keep(bytes: max(kernel.workspaceBytes, 1), for: y) : nil
    run(
      kernel, [(.x, try form(x, layout)), (.y, try newForm(y, kernel.layout(.y)))],
      workspace: workspace)
  }

  /// oneDNN 2.6 takes several times as long, keeps a byte or four of each result for the way back, and loses NaN.
  private mutating func poolMaxima(
    _ x: Value, _ y: Value, _ layout: KernelLayout, _ block: Int, _ shape: ConvolutionShape
  ) throws(GraphError) {
    let from = try form(x, layout), to = try newForm(y, shape.pooled(block))
    let planes = shape.planes(block)
    step(slots: [from, to]) { memory in
      let x = memory.floats(from), y = memory.floats(to)
      return { Kernels.parallelMaxPool(y, x, planes: planes, block: block, shape) }
    }
  }

  fileprivate func imageLayout(_ x: Value, _ shape: ConvolutionShape) throws(GraphError) -> KernelLayout {
    if let layout = layout(of: x) { return layout }
    return try .plain([shape.batch, shape.inChannels, shape.inHeight, shape.inWidth])
  }
}

/// The gradient of a pooling; inputs are the upstream gradient, x and the pooling's output, whose workspace it reads.
/// Where maxima tie, the gradient goes to the first of them.
struct PoolingGradient: Op {
  let kind: Kernel.Pooling
  let shape: ConvolutionShape
  let input: Shape
  var readsWorkspace: Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(input)] }
  /// Linear in the upstream gradient: of an average the same average, of maxima what lies where they were found.
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let pooled = call.inputs[0].shape
    guard kind == .max else {
      return [try upstream.apply(GivenPooling(kind: kind, shape: shape, result: pooled)), nil, nil]
    }
    return [try upstream.apply(PickedMaxima(shape: shape, result: pooled), call.inputs[1]), nil, nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let g = call.inputs[0], x = call.inputs[1], pooled = call.inputs[2]
    let layout = try plan.imageLayout(x, shape), shape = shape, kind = kind
    if kind == .max, let block = layout.maximaBlock { return try lower(call, into: &plan, layout, block) }
    let kernel = try plan.kernel { () throws(KernelError) in
      try Kernel(pooling: .backwardData, kind, shape, layout, isDifferentiated: true)
    }
    guard let workspace = plan.kept(for: pooled) else {
      throw GraphError(
        .kernel, at: "node '\(call.name.clipped())'", expected: "a pooling that kept what its gradient needs",
        got: "none")
    }
    plan.run(
      kernel,
      [(.y, try plan.form(g, kernel.layout(.y))), (.x, try plan.newForm(call.outputs[0], kernel.layout(.x)))],
      workspace: workspace)
  }

  private func lower(_ call: Call, into plan: inout PlanBuilder, _ layout: KernelLayout, _ block: Int)
    throws(GraphError)
  {
    let pooled = try shape.pooled(block), planes = shape.planes(block)
    let gSlot = try plan.form(call.inputs[0], pooled), xSlot = try plan.form(call.inputs[1], layout)
    let ySlot = try plan.form(call.inputs[2], pooled), dxSlot = try plan.newForm(call.outputs[0], layout)
    plan.step(slots: [gSlot, xSlot, ySlot, dxSlot]) { memory in
      let g = memory.floats(gSlot), x = memory.floats(xSlot), y = memory.floats(ySlot), dx = memory.floats(dxSlot)
      return { Kernels.parallelMaxPoolGradient(dx, g, x, y, planes: planes, block: block, shape) }
    }
  }
}

extension KernelLayout {
  /// How many channels lie together, where our own kernels take the layout: all of fp32 do that oneDNN chooses.
  fileprivate var maximaBlock: Int? { channelBlock ?? (isPlain ? 1 : nil) }
}

extension ConvolutionShape {
  fileprivate func planes(_ block: Int) -> Int { batch * inChannels / block }
  /// The layout of what a pooling of such images gives.
  fileprivate func pooled(_ block: Int) throws(GraphError) -> KernelLayout {
    try kernelled { () throws(KernelError) in
      let images: Shape = [batch, inChannels, outHeight, outWidth]
      return block == 1 ? try KernelLayout(plain: images) : try KernelLayout(images: images, block: block)
    }
  }
}

/// A pooling whose extents are known: what `MaxPool` and `AveragePool` become.
struct GivenPooling: Op {
  let kind: Kernel.Pooling
  let shape: ConvolutionShape
  let result: Shape
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(result)] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    [
      try upstream.apply(
        PoolingGradient(kind: kind, shape: shape, input: call.inputs[0].shape), call.inputs[0], call.outputs[0])
    ]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    try plan.pool(call.inputs[0], call.outputs[0], kind, shape)
  }
}

/// The part of the first operand that lies where the second has the first maximum of each window.
struct PickedMaxima: Op {
  let shape: ConvolutionShape
  let result: Shape
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(result)] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[1]
    let pooled = try x.apply(GivenPooling(kind: .max, shape: shape, result: result))
    return [try upstream.apply(PoolingGradient(kind: .max, shape: shape, input: x.shape), x, pooled), nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let u = call.inputs[0], x = call.inputs[1], y = call.outputs[0], shape = shape
    plan.step([u, x, y]) { memory in
      let from = memory.floats(u), by = memory.floats(x), to = memory.floats(y)
      return { shape.eachMaximum(of: by) { best, at in to[at] = best.map { from[$0] } ?? 0 } }
    }
  }
}

/// Where the first maximum of each window lies among all numbers of the operand, rows and channels too.
struct MaximaPlaces: Op {
  let shape: ConvolutionShape
  let result: Shape
  /// Whether places within a plane count down its columns.
  let isColumnMajor: Bool
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(result, .int64)] }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { true }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], y = call.outputs[0], shape = shape, isColumnMajor = isColumnMajor
    let (height, width) = (shape.inHeight, shape.inWidth)
    plan.step([x, y]) { memory in
      let by = memory.floats(x), to = memory.integers(y)
      return {
        shape.eachMaximum(of: by) { best, at in
          let best = best ?? 0, inner = best % (height * width)
          to[at] = Int64(isColumnMajor ? best - inner + inner % width * height + inner / width : best)
        }
      }
    }
  }
}

extension ConvolutionShape {
  /// `body` gets where the first maximum of each window lies, nil of a window of nothing but padding, and the window's
  /// place.
  fileprivate func eachMaximum(of by: UnsafePointer<Float>, _ body: (Int?, Int) -> Void) {
    for plane in 0..<batch * inChannels {
      let start = plane * inHeight * inWidth
      for row in 0..<outHeight {
        for column in 0..<outWidth {
          var best: Int?
          for i in 0..<kernelHeight {
            let r = row * strideHeight - padTop + i * dilationHeight
            guard r >= 0, r < inHeight else { continue }
            for j in 0..<kernelWidth {
              let c = column * strideWidth - padLeft + j * dilationWidth
              guard c >= 0, c < inWidth else { continue }
              let at = start + r * inWidth + c
              if best.map({ by[at] > by[$0] }) ?? true { best = at }
            }
          }
          body(best, (plane * outHeight + row) * outWidth + column)
        }
      }
    }
  }
}
