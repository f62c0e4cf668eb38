import CKernels
import COneDNN
import DitherBasics
import DitherTensor

extension Window {
  /// All extents of a pooling of `x`, [N, C, L] or [N, C, H, W].
  /// - Throws: where the window does not fit, or lies in nothing but padding.
  func pooling(_ x: Shape) throws(GraphError) -> dn_convolution_shape {
    var result = try resolve(Array(x.dimensions[2...]))
    result.batch = Int64(x[0])
    result.in_channels = Int64(x[1])
    result.out_channels = Int64(x[1])
    // Padding as wide as the window would make windows of nothing but padding.
    guard result.pad_top < result.kernel_height * result.dilation_height || result.pad_top == 0,
      result.pad_left < result.kernel_width * result.dilation_width || result.pad_left == 0,
      result.pad_bottom < result.kernel_height * result.dilation_height + result.stride_height,
      result.pad_right < result.kernel_width * result.dilation_width + result.stride_width
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

extension PlanBuilder {
  /// In the layout that x has already.
  mutating func pool(_ x: Value, _ y: Value, _ kind: dn_pooling_kind, _ shape: dn_convolution_shape) throws(GraphError)
  {
    var shape = shape
    let layout = try imageLayout(x, shape)
    if kind == DN_MAX, let block = layout.channelBlock {
      return try poolMaxima(x, y, layout, block, shape)
    }
    let differentiated = isDifferentiated
    let kernel = try kernel { dn_pooling($0, DN_FORWARD, kind, &shape, layout.pointer, differentiated ? 1 : 0) }
    let workspace = differentiated ? keep(bytes: max(kernel.workspaceBytes, 1), for: y) : nil
    run(
      kernel, [(DN_X, try form(x, layout)), (DN_Y, try newForm(y, kernel.layout(DN_Y)))],
      workspace: workspace)
  }

  /// oneDNN 2.6 takes several times as long, and keeps a byte or four of each result for the way back.
  private mutating func poolMaxima(
    _ x: Value, _ y: Value, _ layout: KernelLayout, _ block: Int32, _ shape: dn_convolution_shape
  ) throws(GraphError) {
    let from = try form(x, layout), to = try newForm(y, shape.pooled(block))
    let planes = shape.planes(block)
    var window = shape.window
    step(slots: [from, to]) { memory in
      let x = memory.floats(from), y = memory.floats(to)
      return { dk_max_pool_parallel(y, x, planes, block, &window) }
    }
  }

  fileprivate func imageLayout(_ x: Value, _ shape: dn_convolution_shape) throws(GraphError) -> KernelLayout {
    if let layout = layout(of: x) { return layout }
    return try KernelLayout(
      plain: [Int(shape.batch), Int(shape.in_channels), Int(shape.in_height), Int(shape.in_width)])
  }
}

/// The gradient of a pooling; inputs are the upstream gradient, x and the pooling's output, whose workspace it reads.
/// Where maxima tie, the gradient goes to the first of them.
struct PoolingGradient: Op {
  let kind: dn_pooling_kind
  let shape: dn_convolution_shape
  let input: Shape
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(input)] }
  /// Linear in the upstream gradient: of an average the same average, of maxima what lies where they were found.
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let pooled = call.inputs[0].shape
    guard kind == DN_MAX else {
      return [try upstream.apply(GivenPooling(kind: kind, shape: shape, result: pooled)), nil, nil]
    }
    return [try upstream.apply(PickedMaxima(shape: shape, result: pooled), call.inputs[1]), nil, nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let g = call.inputs[0], x = call.inputs[1], pooled = call.inputs[2]
    var shape = shape
    let layout = try plan.imageLayout(x, shape)
    if kind == DN_MAX, let block = layout.channelBlock {
      return try lower(call, into: &plan, layout, block)
    }
    let kernel = try plan.kernel { dn_pooling($0, DN_BACKWARD_DATA, kind, &shape, layout.pointer, 1) }
    guard let workspace = plan.kept(for: pooled) else {
      throw GraphError(
        .kernel, at: "node '\(call.name.clipped())'", expected: "a pooling that kept what its gradient needs",
        got: "none")
    }
    plan.run(
      kernel,
      [(DN_Y, try plan.form(g, kernel.layout(DN_Y))), (DN_X, try plan.newForm(call.outputs[0], kernel.layout(DN_X)))],
      workspace: workspace)
  }

  private func lower(_ call: Call, into plan: inout PlanBuilder, _ layout: KernelLayout, _ block: Int32)
    throws(GraphError)
  {
    let pooled = try shape.pooled(block), planes = shape.planes(block)
    let gSlot = try plan.form(call.inputs[0], pooled), xSlot = try plan.form(call.inputs[1], layout)
    let ySlot = try plan.form(call.inputs[2], pooled), dxSlot = try plan.newForm(call.outputs[0], layout)
    var window = shape.window
    plan.step(slots: [gSlot, xSlot, ySlot, dxSlot]) { memory in
      let g = memory.floats(gSlot), x = memory.floats(xSlot), y = memory.floats(ySlot), dx = memory.floats(dxSlot)
      return { dk_max_pool_gradient_parallel(dx, g, x, y, planes, block, &window) }
    }
  }
}

extension dn_convolution_shape {
  fileprivate func planes(_ block: Int32) -> Int { Int(batch * in_channels) / Int(block) }
  /// The layout of what a pooling of such images gives.
  fileprivate func pooled(_ block: Int32) throws(GraphError) -> KernelLayout {
    try KernelLayout([Int(batch), Int(in_channels), Int(out_height), Int(out_width)], block: block)
  }
}

/// A pooling whose extents are known: what `MaxPool` and `AveragePool` become.
struct GivenPooling: Op {
  let kind: dn_pooling_kind
  let shape: dn_convolution_shape
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
  let shape: dn_convolution_shape
  let result: Shape
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(result)] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[1]
    let pooled = try x.apply(GivenPooling(kind: DN_MAX, shape: shape, result: result))
    return [try upstream.apply(PoolingGradient(kind: DN_MAX, shape: shape, input: x.shape), x, pooled), nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let u = call.inputs[0], x = call.inputs[1], y = call.outputs[0], planes = Int(shape.batch * shape.in_channels)
    let (height, width) = (Int(shape.in_height), Int(shape.in_width))
    let (outHeight, outWidth) = (Int(shape.out_height), Int(shape.out_width))
    let (kernelHeight, kernelWidth) = (Int(shape.kernel_height), Int(shape.kernel_width))
    let (strideHeight, strideWidth) = (Int(shape.stride_height), Int(shape.stride_width))
    let (spreadHeight, spreadWidth) = (Int(shape.dilation_height), Int(shape.dilation_width))
    let (top, left) = (Int(shape.pad_top), Int(shape.pad_left))
    plan.step([u, x, y]) { memory in
      let from = memory.floats(u), by = memory.floats(x), to = memory.floats(y)
      return {
        for plane in 0..<planes {
          let start = plane * height * width
          for row in 0..<outHeight {
            for column in 0..<outWidth {
              var best = -1
              for i in 0..<kernelHeight {
                let r = row * strideHeight - top + i * spreadHeight
                guard r >= 0, r < height else { continue }
                for j in 0..<kernelWidth {
                  let c = column * strideWidth - left + j * spreadWidth
                  guard c >= 0, c < width else { continue }
                  let at = start + r * width + c
                  if best < 0 || by[at] > by[best] { best = at }
                }
              }
              to[(plane * outHeight + row) * outWidth + column] = best < 0 ? 0 : from[best]
            }
          }
        }
      }
    }
  }
}
