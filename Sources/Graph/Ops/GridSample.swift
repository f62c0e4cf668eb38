import DitherBasics
import DitherTensor

/// A picture read at the places that a grid names, from −1 to 1 along each axis: spatial transformers have it behind
/// `AffineGrid`. Made of ops, so that pictures and places get gradients; places that are rounded get none.
/// - Shapes: X [N, C, H, W], grid [N, H', W', 2] of (x, y); the result is [N, C, H', W'].
/// - Source: ONNX `GridSample`, opsets 16–28, of pictures, nearest and bilinear; Jaderberg et al. 2015,
///   arXiv 1506.02025.
struct GridSample: Composite {
  static let onnx = OnnxName("GridSample", since: 16)
  private enum Padding: String { case zeros, border, reflection }
  /// Pictures of more numbers have places that floats do not tell apart.
  private static let mostPlaces = 1 << 24
  private let isNearest: Bool
  private let padding: Padding
  private let alignsCorners: Bool

  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("align_corners", "mode", "padding_mode")
    let mode = try node.string("mode", default: "linear")
    guard ["bilinear", "linear", "nearest"].contains(mode) else {
      throw GraphError(
        .unsupportedOp, at: "\(node.place), attribute 'mode'", expected: "bilinear, linear or nearest",
        got: "'\(mode.clipped())'")
    }
    let word = try node.string("padding_mode", default: "zeros")
    guard let padding = Padding(rawValue: word) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'padding_mode'", expected: "zeros, border or reflection",
        got: "'\(word.clipped())'")
    }
    isNearest = mode == "nearest"
    self.padding = padding
    alignsCorners = try node.flag("align_corners", default: false)
  }
  func write(to node: inout OnnxNode) {
    // Opset 20 gave the mode another name.
    node["mode"] = .string(isNearest ? "nearest" : node.opset < 20 ? "bilinear" : "linear")
    if padding != .zeros { node["padding_mode"] = .string(padding.rawValue) }
    if alignsCorners { node["align_corners"] = .int(1) }
  }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis > 0 }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 4...4), grid = try inputs.float(1, "grid", rank: 4...4)
    let (rows, channels, height, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    guard grid.shape[0] == rows, grid.shape[3] == 2 else {
      throw GraphError(
        .shape, at: "input 'grid'", expected: "[\(rows), …, …, 2], a place (x, y) in each", got: "\(grid.shape)")
    }
    guard height * width <= Self.mostPlaces else {
      throw GraphError(
        .tooLarge, at: "input 'X'", expected: "pictures of at most \(Self.mostPlaces) places", got: "\(x.shape)")
    }
    let count = grid.shape[1] * grid.shape[2]
    func place(_ which: Int, _ extent: Int) throws(GraphError) -> Value {
      var region = Region(grid.shape)
      (region.starts[3], region.counts[3]) = (which, 1)
      return try inside(grid.apply(Cut(region)).viewed(as: [rows, count]), extent)
    }
    let column = try place(0, width), row = try place(1, height)
    let pixels = try x.viewed(as: [rows, channels, height * width]).apply(Transpose([0, 2, 1]))
    /// The pixels at these whole numbers, times a weight; none where they lie outside.
    func read(_ row: Value, _ column: Value, _ weight: Value?) throws(GraphError) -> Value {
      let at = try Float(width) * Self.held(row, 0, height - 1) + Self.held(column, 0, width - 1)
      let index = try at.viewed(as: [rows, count, 1]).apply(Cast(.int64))
      var factor = weight
      if padding == .zeros {
        let isInside = try (row >= 0) * (row <= Float(height - 1)) * (column >= 0) * (column <= Float(width - 1))
        factor = try weight.map { weight throws(GraphError) in try weight * isInside } ?? isInside
      }
      let found = try pixels.apply(Pick(kind: .leading(1)), index)
      guard let factor else { return found }
      return try found * factor.viewed(as: [rows, count, 1])
    }
    var result: Value
    if isNearest {
      result = try read(row.map(.round), column.map(.round), nil)
    } else {
      let top = try row.map(.floor), left = try column.map(.floor)
      let down = try row - top, right = try column - left, up = try -down + 1, back = try -right + 1
      result = try read(top, left, up * back)
      for (y, x, weight) in try [
        (top, left + 1, up * right), (top + 1, left, down * back), (top + 1, left + 1, down * right),
      ] {
        result = try result + read(y, x, weight)
      }
    }
    result = try result.apply(Transpose([0, 2, 1]))
    return [try result.viewed(as: [rows, channels, grid.shape[1], grid.shape[2]])]
  }

  private static func held(_ x: Value, _ low: Int, _ high: Int) throws(GraphError) -> Value {
    try x.apply(Binary(.maximum), x.builder.scalar(Float(low))).apply(Binary(.minimum), x.builder.scalar(Float(high)))
  }

  /// Places from −1 to 1 in pixels, and those beyond the edges where the padding says.
  private func inside(_ x: Value, _ extent: Int) throws(GraphError) -> Value {
    let n = Float(extent)
    let pixels = alignsCorners ? try (n - 1) / 2 * x + (n - 1) / 2 : try n / 2 * x + (n - 1) / 2
    switch padding {
    case .zeros: return pixels
    case .border: return try Self.held(pixels, 0, extent - 1)
    case .reflection:
      // Between the outermost pixels' middles, or between their edges.
      let low: Float = alignsCorners ? 0 : -0.5, width = alignsCorners ? n - 1 : n
      guard width > 0 else { return try 0 * pixels }
      let beyond = try (pixels + -low).map(.abs), times = try (1 / width * beyond).map(.floor)
      let rest = try beyond - width * times, isOdd = try times - 2 * (0.5 * times).map(.floor)
      let turned = try rest + isOdd * (-2 * rest + width)
      return try Self.held(turned + low, 0, extent - 1)
    }
  }
}
