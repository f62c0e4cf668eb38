import DitherTensor

/// Means over windows. Where padding counts, the cells that `ceil_mode` adds behind it do not, as in PyTorch and
/// onnxruntime.
/// - Source: ONNX `AveragePool`, opsets 7–28.
struct AveragePool: Composite, Averaging {
  static let onnx = OnnxName("AveragePool", since: 7)
  var window: Window
  var countsPadding = false
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides")
    window = try Window(node)
    countsPadding = try node.flag("count_include_pad", default: false)
  }
  var leastOpset: Int { window.dilations?.contains { $0 != 1 } ?? false ? 19 : Self.onnx.since }
  func write(to node: inout OnnxNode) {
    window.write(to: &node)
    if node.opset < 19 { node["dilations"] = nil }
    if countsPadding { node["count_include_pad"] = .int(1) }
  }
  func operations(_ inputs: [TensorType?], _ outputs: [TensorType]) -> Double { window.reads(outputs) }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis > 1 }
  func terms(_ input: Shape, _ output: Shape) -> Int { (window.kernel ?? []).reduce(1, *) }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    [try inputs.float(0, "X", rank: 3...5).pooled(by: window) { x, window throws(GraphError) in try mean(x, window) }]
  }

  private func mean(_ x: Value, _ window: Window) throws(GraphError) -> Value {
    let shape = try window.pooling(x.shape), result = shape.output(like: x.shape, channels: x.shape[1])
    guard countsPadding else {
      return try x.apply(GivenPooling(kind: .averageExcludingPadding, shape: shape, result: result))
    }
    var floored = window
    floored.ceilMode = false
    let real = try floored.pooling(x.shape)
    guard (real.padBottom, real.padRight) != (shape.padBottom, shape.padRight) else {
      return try x.apply(GivenPooling(kind: .averageIncludingPadding, shape: shape, result: result))
    }
    // The padding is made a part of the image; what is then left of it hangs over, and is not counted.
    let padded = try x.apply(Bordered(real.padding(of: x.shape)))
    var inner = shape
    (inner.inHeight, inner.inWidth) = (
      shape.inHeight + real.padTop + real.padBottom, shape.inWidth + real.padLeft + real.padRight
    )
    (inner.padTop, inner.padLeft) = (0, 0)
    (inner.padBottom, inner.padRight) = (shape.padBottom - real.padBottom, shape.padRight - real.padRight)
    return try padded.apply(GivenPooling(kind: .averageExcludingPadding, shape: inner, result: result))
  }
}

extension ConvolutionShape {
  /// The image in an image with its padding, as a region and the whole's shape.
  fileprivate func padding(of image: Shape) -> (region: Region, shape: Shape) {
    var region = Region(image), whole = image
    let sides = image.rank == 3 ? [(padLeft, padRight)] : [(padTop, padBottom), (padLeft, padRight)]
    for (i, side) in sides.enumerated() {
      region.starts[2 + i] = side.0
      whole[2 + i] += side.0 + side.1
    }
    return (region, whole)
  }
}
