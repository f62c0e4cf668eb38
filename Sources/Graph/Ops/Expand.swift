import DitherBasics
import DitherTensor

/// The input repeated along axes of extent 1, up to what it and the shape broadcast to.
/// - Source: ONNX `Expand`, opsets 8–28.
struct Expand: Composite {
  static let onnx = OnnxName("Expand", since: 8)
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func trainable(_ input: Int) -> Bool { input == 0 }
  func saysExtents(_ input: Int) -> Bool { input == 1 }
  func isUniform(_ varies: [Bool]) -> Bool { varies.first == false }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.value(0, "input"), extents = try inputs.types.known(1, "shape")
    guard extents.count <= 8, extents.allSatisfy({ $0 > 0 && $0 <= 1 << 32 }),
      let shape = Shape.broadcast(x.shape, Shape(extents)), shape.checkedCount != nil
    else {
      throw GraphError(
        .shape, at: "input 'shape'", expected: "extents above 0 that broadcast with \(x.shape)", got: "\(extents)")
    }
    return try [x.shape == shape ? x.copied() : try x.apply(ExpandTo(shape: shape))]
  }
}
