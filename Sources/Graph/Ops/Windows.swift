import DitherBasics
import DitherTensor

/// The window of a convolution or pooling: kernel, strides, dilations, padding, in one to three dimensions.
struct Window: Sendable {
  var kernel: [Int]?
  var strides: [Int]?
  var dilations: [Int]?
  var pads: [Int]?
  var autoPad = "NOTSET"
  var ceilMode = false

  init(kernel: [Int]? = nil, strides: [Int]? = nil, pads: [Int]? = nil) {
    self.kernel = kernel
    self.strides = strides
    self.pads = pads
  }

  init(_ node: OnnxNode) throws(GraphError) {
    kernel = try node.ints("kernel_shape")
    strides = try node.ints("strides")
    dilations = try node.ints("dilations")
    pads = try node.ints("pads")
    autoPad = try node.string("auto_pad", default: "NOTSET")
    ceilMode = try node.flag("ceil_mode", default: false)
    guard ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"].contains(autoPad) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'auto_pad'", expected: "NOTSET, VALID, SAME_UPPER or SAME_LOWER",
        got: "'\(autoPad.clipped())'")
    }
  }

  func write(to node: inout OnnxNode) {
    func put(_ key: String, _ values: [Int]?) { if let values { node[key] = .ints(values.map(Int64.init)) } }
    put("kernel_shape", kernel)
    put("strides", strides)
    put("dilations", dilations)
    put("pads", pads)
    if autoPad != "NOTSET" { node["auto_pad"] = .string(autoPad) }
    if ceilMode { node["ceil_mode"] = .int(1) }
  }

  /// Extents at which a window is refused: no image needs them, and products of them stay far from overflow.
  private static let limit = 1 << 16

  /// All extents for images `spatial` (one to three axes; one becomes a height of 1).
  /// - Throws: when an attribute has the wrong length or value, or the window does not fit the padded image.
  func resolve(_ spatial: [Int], kernel wanted: [Int]? = nil) throws(GraphError) -> ConvolutionShape {
    let rank = spatial.count
    func list(_ values: [Int]?, _ name: String, default value: Int, least: Int) throws(GraphError) -> [Int] {
      let values = values ?? [Int](repeating: value, count: rank)
      guard values.count == rank, values.allSatisfy({ $0 >= least && $0 <= Self.limit }) else {
        throw GraphError(
          .attribute, at: "attribute '\(name)'", expected: "\(rank) values from \(least) to \(Self.limit)",
          got: "\(values)")
      }
      return values
    }
    if let kernel, let wanted, kernel != wanted {
      throw GraphError(
        .shape, at: "attribute 'kernel_shape'", expected: "\(wanted), as the weights are", got: "\(kernel)")
    }
    guard let extent = wanted ?? kernel else {
      throw GraphError(.missing, at: "attribute 'kernel_shape'", expected: "a value", got: "none")
    }
    let size = try list(extent, "kernel_shape", default: 1, least: 1)
    let step = try list(strides, "strides", default: 1, least: 1)
    let spread = try list(dilations, "dilations", default: 1, least: 1)
    var before = [Int](repeating: 0, count: rank), after = before, result = before
    if let pads, autoPad == "NOTSET" {
      guard pads.count == 2 * rank, pads.allSatisfy({ $0 >= 0 && $0 <= Self.limit }) else {
        throw GraphError(
          .attribute, at: "attribute 'pads'", expected: "\(2 * rank) values from 0 to \(Self.limit)", got: "\(pads)")
      }
      before = Array(pads[..<rank])
      after = Array(pads[rank...])
    }
    for i in 0..<rank {
      let covered = (size[i] - 1) * spread[i] + 1
      if autoPad.hasPrefix("SAME") {
        let total = max(((spatial[i] + step[i] - 1) / step[i] - 1) * step[i] + covered - spatial[i], 0)
        before[i] = autoPad == "SAME_UPPER" ? total / 2 : total - total / 2
        after[i] = total - before[i]
      }
      let room = spatial[i] + before[i] + after[i] - covered
      guard room >= 0 else {
        throw GraphError(
          .shape, at: "attribute 'kernel_shape'",
          expected: "a window within the padded extent \(spatial[i] + before[i] + after[i])", got: "\(covered)")
      }
      result[i] = room / step[i] + 1
      // The last window may hang over the edge, but it must begin inside the image or its first padding.
      if ceilMode, room % step[i] != 0, result[i] * step[i] < spatial[i] + before[i] {
        after[i] += step[i] - room % step[i]
        result[i] += 1
      }
    }
    return ConvolutionShape(
      input: spatial, output: result, kernel: size, strides: step, dilations: spread, before: before, after: after)
  }
}

extension ConvolutionShape {
  /// By image axis, one to three; one is an image's second, of a height of 1. Padding is before and after.
  init(
    input: [Int], output: [Int], kernel: [Int], strides: [Int], dilations: [Int], before: [Int], after: [Int]
  ) {
    func two(_ values: [Int], _ filler: Int) -> (Int, Int) {
      values.count == 1 ? (filler, values[0]) : (values[values.count - 2], values[values.count - 1])
    }
    self.init()
    isVolume = input.count == 3
    if isVolume {
      (inDepth, outDepth, kernelDepth, strideDepth) = (input[0], output[0], kernel[0], strides[0])
      (dilationDepth, padFront, padBack) = (dilations[0], before[0], after[0])
    }
    (inHeight, inWidth) = two(input, 1)
    (outHeight, outWidth) = two(output, 1)
    (kernelHeight, kernelWidth) = two(kernel, 1)
    (strideHeight, strideWidth) = two(strides, 1)
    (dilationHeight, dilationWidth) = two(dilations, 1)
    (padTop, padLeft) = two(before, 0)
    (padBottom, padRight) = two(after, 0)
  }

  func output(like input: Shape, channels: Int) -> Shape {
    Shape([input[0], channels] + [outDepth, outHeight, outWidth].suffix(input.rank - 2))
  }
}
