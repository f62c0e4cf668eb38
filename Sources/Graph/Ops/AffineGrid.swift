import DitherBasics
import DitherTensor

/// The places that affine maps send a regular grid to, from −1 to 1 along each axis, as `GridSample` takes them.
/// - Shapes: theta [N, 2, 3] and size [N, C, H, W] give [N, H, W, 2]; [N, 3, 4] and [N, C, D, H, W] give
///   [N, D, H, W, 3]. A size of one row, as files of batch 1 have it, is one of any number of rows.
/// - Source: ONNX `AffineGrid`, opsets 20–28; Jaderberg et al. 2015, arXiv 1506.02025.
struct AffineGrid: Composite {
  static let onnx = OnnxName("AffineGrid", since: 20)
  private static let mostPlaces = 1 << 22
  private let alignsCorners: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("align_corners")
    alignsCorners = try node.flag("align_corners", default: false)
  }
  func write(to node: inout OnnxNode) { if alignsCorners { node["align_corners"] = .int(1) } }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func saysExtents(_ input: Int) -> Bool { input == 1 }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis > 0 }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let theta = try inputs.float(0, "theta", rank: 3...3), size = try inputs.types.known(1, "size")
    let axes = size.count - 2
    guard (2...3).contains(axes), size.allSatisfy({ (1...Self.mostPlaces).contains($0) }),
      [1, theta.shape[0]].contains(size[0]),
      theta.shape[1] == axes, theta.shape[2] == axes + 1
    else {
      throw GraphError(
        .shape, at: "inputs", expected: "theta [N, 2, 3] and size [N, C, H, W], or [N, 3, 4] and [N, C, D, H, W]",
        got: "\(theta.shape) and \(size)")
    }
    let shape = Shape(Array(size[2...]))
    guard let count = shape.span, count <= Self.mostPlaces else {
      throw GraphError(
        .tooLarge, at: "input 'size'", expected: "at most \(Self.mostPlaces) places", got: "\(size)")
    }
    // Places have their last axis first.
    let lines = shape.dimensions.map(places)
    var grid: [Float] = []
    grid.reserveCapacity(count * (axes + 1))
    for index in 0..<count {
      var rest = index, own = [Float](repeating: 1, count: axes + 1)
      for axis in (0..<axes).reversed() {
        own[axes - 1 - axis] = lines[axis][rest % shape[axis]]
        rest /= shape[axis]
      }
      grid += own
    }
    let base = builder.constant(.float(Tensor([count, axes + 1], grid)))
    let moved = try base.apply(MatMul(transposeA: false, transposeB: true), theta)
    return [try moved.viewed(as: Shape([theta.shape[0]] + shape.dimensions + [axes]))]
  }

  /// Middles of so many pixels, or with aligned corners from −1 to 1; of one alone 0.
  private func places(_ extent: Int) -> [Float] {
    let n = Float(extent)
    return (0..<extent).map { index in
      guard alignsCorners else { return (2 * Float(index) + 1) / n - 1 }
      return extent == 1 ? 0 : 2 * Float(index) / (n - 1) - 1
    }
  }
}
