import DitherBasics
import DitherTensor

/// The transpose of a convolution: what its gradient for the input computes.
/// - Shapes: x [N, C, …], weights [C, M / group, …], bias [M]; one to three image axes.
/// - Source: ONNX `ConvTranspose`, opsets 1–28.
struct ConvTranspose: Composite {
  static let onnx = OnnxName("ConvTranspose", since: 1)
  private var window: Window
  private let groups: Int
  private let outputPadding: [Int]?
  private let outputShape: [Int]?
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow(
      "auto_pad", "dilations", "group", "kernel_shape", "output_padding", "output_shape", "pads", "strides")
    window = try Window(node)
    groups = try node.int("group", default: 1)
    outputPadding = try node.ints("output_padding")
    outputShape = try node.ints("output_shape")
  }
  func write(to node: inout OnnxNode) {
    window.write(to: &node)
    if groups != 1 { node["group"] = .int(Int64(groups)) }
    if let outputPadding { node["output_padding"] = .ints(outputPadding.map(Int64.init)) }
    if let outputShape { node["output_shape"] = .ints(outputShape.map(Int64.init)) }
  }
  var weightInput: Int? { 1 }
  var weightChannels: Int { 1 }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis > 1 }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 3...5), w = try inputs.float(1, "W", rank: x.shape.rank...x.shape.rank)
    guard groups >= 1, w.shape[0] == x.shape[1], x.shape[1] % groups == 0, groups <= 1 << 16 else {
      throw GraphError(
        .shape, at: "input 'W'", expected: "[\(x.shape[1]), M / group, …] with group = \(groups) dividing it",
        got: "\(w.shape)")
    }
    let channels = w.shape[1] * groups, axes = try axes(x.shape, w.shape)
    let (pads, output) = try place(axes, x.shape)
    let shape = convolution(axes, x.shape, channels: channels, pads: pads, output: output)
    var y = try x.apply(ConvDataGradient(shape: shape, result: Shape([x.shape[0], channels] + output)), w)
    if inputs.has(2) {
      let b = try inputs.float(2, "B", rank: 1...1)
      guard b.shape[0] == channels else {
        throw GraphError(.shape, at: "input 'B'", expected: "[\(channels)]", got: "\(b.shape)")
      }
      y = try y + b.viewed(as: Shape([1, channels] + output.map { _ in 1 }))
    }
    return [y]
  }

  /// No attribute is larger: no image needs it, and products of them stay far from overflow.
  private static let most = 1 << 12

  /// The attributes by image axis.
  private struct Axes {
    var kernel: [Int], strides: [Int], dilations: [Int], outputPadding: [Int]
    var rank: Int { kernel.count }
    /// Pixels from the first to the last that a row of `extent` pixels reaches.
    func reach(_ axis: Int, of extent: Int) -> Int {
      strides[axis] * (extent - 1) + (kernel[axis] - 1) * dilations[axis] + 1
    }
  }

  private func list(
    _ values: [Int]?, _ name: String, _ value: Int, _ range: ClosedRange<Int>, rank: Int
  ) throws(GraphError) -> [Int] {
    let values = values ?? [Int](repeating: value, count: rank)
    guard values.count == rank, values.allSatisfy(range.contains) else {
      throw GraphError(
        .attribute, at: "attribute '\(name)'",
        expected: "\(rank) values from \(range.lowerBound) to \(range.upperBound)", got: "\(values)")
    }
    return values
  }

  private func axes(_ x: Shape, _ w: Shape) throws(GraphError) -> Axes {
    let kernel = Array(w.dimensions[2...]), rank = kernel.count, most = Self.most
    if let given = window.kernel, given != kernel {
      throw GraphError(
        .shape, at: "attribute 'kernel_shape'", expected: "\(kernel), as the weights are", got: "\(given)")
    }
    guard kernel.allSatisfy({ $0 <= most }), x.dimensions[2...].allSatisfy({ $0 <= 1 << 16 }) else {
      throw GraphError(.tooLarge, at: "inputs", expected: "images and windows of usual size", got: "\(x), \(kernel)")
    }
    return try Axes(
      kernel: kernel, strides: list(window.strides, "strides", 1, 1...most, rank: rank),
      dilations: list(window.dilations, "dilations", 1, 1...most, rank: rank),
      outputPadding: list(outputPadding, "output_padding", 0, 0...most, rank: rank))
  }

  /// The padding, in front and then behind, and the result's extents.
  private func place(_ axes: Axes, _ x: Shape) throws(GraphError) -> (pads: [Int], output: [Int]) {
    let rank = axes.rank
    var pads = try list(window.pads, "pads", 0, 0...Self.most, rank: 2 * rank),
      output = [Int](repeating: 0, count: rank)
    let shapes = outputShape.map { $0.count > rank ? Array($0.suffix(rank)) : $0 }
    let wanted = try shapes.map { shapes throws(GraphError) in
      try list(shapes, "output_shape", 1, 1...1 << 16, rank: rank)
    }
    for i in 0..<rank {
      let full = axes.reach(i, of: x[2 + i]) + axes.outputPadding[i]
      if wanted != nil || window.autoPad.hasPrefix("SAME") {
        output[i] = wanted?[i] ?? x[2 + i] * axes.strides[i]
        let total = Swift.max(full - output[i], 0)
        // An odd pixel of padding is in front, except for SAME_UPPER's, as the standard has it.
        pads[i] = window.autoPad == "SAME_UPPER" ? total / 2 : total - total / 2
        pads[rank + i] = total - pads[i]
      } else {
        if window.autoPad == "VALID" { (pads[i], pads[rank + i]) = (0, 0) }
        output[i] = full - pads[i] - pads[rank + i]
      }
      guard output[i] > 0, output[i] <= 1 << 16 else {
        throw GraphError(
          .shape, at: "attribute 'pads'", expected: "a result of 1 to \(1 << 16) pixels", got: "\(output[i])")
      }
    }
    return (pads, output)
  }

  /// The convolution of which this is the transpose: from the result to x. Its padding behind follows from the extents.
  private func convolution(
    _ axes: Axes, _ x: Shape, channels: Int, pads: [Int], output: [Int]
  ) -> ConvolutionShape {
    let behind = (0..<axes.rank).map { axes.reach($0, of: x[2 + $0]) - output[$0] - pads[$0] }
    var shape = ConvolutionShape(
      input: output, output: Array(x.dimensions[2...]), kernel: axes.kernel, strides: axes.strides,
      dilations: axes.dilations, before: Array(pads[..<axes.rank]), after: behind)
    (shape.batch, shape.inChannels, shape.outChannels, shape.groups) = (x[0], channels, x[1], groups)
    return shape
  }
}
