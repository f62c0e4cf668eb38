import DitherBasics
import DitherTensor

/// The input repeated along each axis.
/// - Source: ONNX `Tile`, opsets 6–21.
struct Tile: Composite {
  static let onnx = OnnxName("Tile", since: 6)
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func trainable(_ input: Int) -> Bool { input == 0 }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    var x = try inputs.float(0, "input", rank: 1...8)
    let repeats = try inputs.types.known(1, "repeats")
    guard repeats.count == x.shape.rank, zip(repeats, x.shape.dimensions).allSatisfy({ times, extent in
      times > 0 && times <= AxisMix.limit && times * extent <= AxisMix.limit
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
    return [x.copied()]
  }
}
