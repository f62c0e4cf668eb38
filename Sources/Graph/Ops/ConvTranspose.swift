import DitherBasics
import DitherTensor

/// The transpose of a convolution: what its gradient for the input computes.
/// - Shapes: x [N, C, …], weights [C, M / group, …], bias [M]; one or two image axes.
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
  func mixes(_ input: Int, along axis: Int, of shape: Shape) -> Bool { axis > 1 }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 3...4), w = try inputs.float(1, "W", rank: x.shape.rank...x.shape.rank)
    guard groups >= 1, w.shape[0] == x.shape[1], x.shape[1] % groups == 0, groups <= 1 << 16 else {
      throw GraphError(
        .shape, at: "input 'W'", expected: "[\(x.shape[1]), M / group, …] with group = \(groups) dividing it",
        got: "\(w.shape)")
    }
    let rank = x.shape.rank - 2, channels = w.shape[1] * groups
    func list(_ values: [Int]?, _ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(GraphError) -> [Int] {
      let values = values ?? [Int](repeating: value, count: rank)
      guard values.count == rank, values.allSatisfy(range.contains) else {
        throw GraphError(
          .attribute, at: "attribute '\(name)'",
          expected: "\(rank) values from \(range.lowerBound) to \(range.upperBound)", got: "\(values)")
      }
      return values
    }
    let most = 1 << 12, kernel = Array(w.shape.dimensions[2...])
    if let given = window.kernel, given != kernel {
      throw GraphError(
        .shape, at: "attribute 'kernel_shape'", expected: "\(kernel), as the weights are", got: "\(given)")
    }
    let strides = try list(window.strides, "strides", 1, 1...most)
    let dilations = try list(window.dilations, "dilations", 1, 1...most)
    let extra = try list(outputPadding, "output_padding", 0, 0...most)
    guard kernel.allSatisfy({ $0 <= most }), x.shape.dimensions[2...].allSatisfy({ $0 <= 1 << 16 }) else {
      throw GraphError(
        .tooLarge, at: "inputs", expected: "images and windows of usual size", got: "\(x.shape), \(kernel)")
    }
    var pads = window.pads ?? [Int](repeating: 0, count: 2 * rank), output = [Int](repeating: 0, count: rank)
    guard pads.count == 2 * rank, pads.allSatisfy({ (0...most).contains($0) }) else {
      throw GraphError(
        .attribute, at: "attribute 'pads'", expected: "\(2 * rank) values from 0 to \(most)", got: "\(pads)")
    }
    let shapes = outputShape.map { $0.count > rank ? Array($0.suffix(rank)) : $0 }
    let wanted = try shapes.map { shapes throws(GraphError) in try list(shapes, "output_shape", 1, 1...1 << 16) }
    for i in 0..<rank {
      let full = strides[i] * (x.shape[2 + i] - 1) + extra[i] + (kernel[i] - 1) * dilations[i] + 1
      if wanted != nil || window.autoPad.hasPrefix("SAME") {
        output[i] = wanted?[i] ?? x.shape[2 + i] * strides[i]
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
    // The convolution of which this is the transpose: from the result to x. Its padding behind follows from the
    // extents.
    var behind = [Int](repeating: 0, count: rank)
    for i in 0..<rank {
      behind[i] = strides[i] * (x.shape[2 + i] - 1) + (kernel[i] - 1) * dilations[i] + 1 - output[i] - pads[i]
    }
    func two(_ values: [Int], _ filler: Int) -> (Int, Int) {
      rank == 1 ? (filler, values[0]) : (values[0], values[1])
    }
    var shape = ConvolutionShape()
    shape.batch = x.shape[0]
    shape.inChannels = channels
    shape.outChannels = x.shape[1]
    shape.groups = groups
    (shape.inHeight, shape.inWidth) = two(output, 1)
    (shape.outHeight, shape.outWidth) = two(Array(x.shape.dimensions[2...]), 1)
    (shape.kernelHeight, shape.kernelWidth) = two(kernel, 1)
    (shape.strideHeight, shape.strideWidth) = two(strides, 1)
    (shape.dilationHeight, shape.dilationWidth) = two(dilations, 1)
    (shape.padTop, shape.padLeft) = two(Array(pads[..<rank]), 0)
    (shape.padBottom, shape.padRight) = two(behind, 0)
    var y = try x.apply(ConvDataGradient(shape: shape, result: Shape([x.shape[0], channels] + output)), w)
    if inputs.has(2) {
      let b = try inputs.float(2, "B", rank: 1...1)
      guard b.shape[0] == channels else {
        throw GraphError(.shape, at: "input 'B'", expected: "[\(channels)]", got: "\(b.shape)")
      }
      y = try y + b.viewed(as: Shape([1, channels] + [Int](repeating: 1, count: rank)))
    }
    return [y]
  }
}
