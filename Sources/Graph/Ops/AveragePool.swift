import COneDNN
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
  func mixes(_ input: Int, along axis: Int, of shape: Shape) -> Bool { axis > 1 }
  func terms(_ input: Shape, _ output: Shape) -> Int { (window.kernel ?? []).reduce(1, *) }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 3...4)
    let shape = try window.pooling(x.shape), result = shape.output(like: x.shape, channels: x.shape[1])
    guard countsPadding else {
      return [try x.apply(GivenPooling(kind: DN_AVERAGE_EXCLUDING_PADDING, shape: shape, result: result))]
    }
    var floored = window
    floored.ceilMode = false
    let real = try floored.pooling(x.shape)
    guard (real.pad_bottom, real.pad_right) != (shape.pad_bottom, shape.pad_right) else {
      return [try x.apply(GivenPooling(kind: DN_AVERAGE_INCLUDING_PADDING, shape: shape, result: result))]
    }
    // The padding is made a part of the image; what is then left of it hangs over, and is not counted.
    let padded = try x.apply(Bordered(real.padding(of: x.shape)))
    var inner = shape
    (inner.in_height, inner.in_width) = (
      shape.in_height + real.pad_top + real.pad_bottom, shape.in_width + real.pad_left + real.pad_right
    )
    (inner.pad_top, inner.pad_left) = (0, 0)
    (inner.pad_bottom, inner.pad_right) = (shape.pad_bottom - real.pad_bottom, shape.pad_right - real.pad_right)
    return [try padded.apply(GivenPooling(kind: DN_AVERAGE_EXCLUDING_PADDING, shape: inner, result: result))]
  }
}

extension dn_convolution_shape {
  /// The image in an image with its padding, as a region and the whole's shape.
  fileprivate func padding(of image: Shape) -> (region: Region, shape: Shape) {
    var region = Region(image), whole = image
    let sides = image.rank == 3 ? [(pad_left, pad_right)] : [(pad_top, pad_bottom), (pad_left, pad_right)]
    for (i, side) in sides.enumerated() {
      region.starts[2 + i] = Int(side.0)
      whole[2 + i] += Int(side.0 + side.1)
    }
    return (region, whole)
  }
}
