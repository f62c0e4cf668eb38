import DitherBasics
import DitherTensor

/// The input repeated along each axis.
/// - Source: ONNX `Tile`, opsets 6–28.
struct Tile: Composite {
  static let onnx = OnnxName("Tile", since: 6)
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func trainable(_ input: Int) -> Bool { input == 0 }
  func saysExtents(_ input: Int) -> Bool { input == 1 }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    var x = try inputs.value(0, "input")
    guard x.shape.rank <= 8 else {
      throw GraphError(.shape, at: "input 'input'", expected: "rank at most 8", got: "\(x.type)")
    }
    let repeats = try inputs.types.known(1, "repeats")
    guard repeats.count == x.shape.rank,
      zip(repeats, x.shape.dimensions).allSatisfy({ times, extent in
        times == 1
          || (times > 1 && times <= AxisMix.limit && extent <= AxisMix.limit && times * extent <= AxisMix.limit)
      })
    else {
      throw GraphError(
        .shape, at: "input 'repeats'",
        expected: "\(x.shape.rank) numbers above 0, with extents up to \(AxisMix.limit)", got: "\(repeats)")
    }
    for (axis, times) in repeats.enumerated() where times > 1 {
      let extent = x.shape[axis]
      x = try x.picked(axis, (0..<times * extent).map { $0 % extent })
    }
    return try [x.copied()]
  }
}
