import DitherBasics
import DitherTensor

/// y[i][j]… = data[i][indices[i][j]…]…: one element for each index, along an axis.
/// - Source: ONNX `GatherElements`, opsets 11–28.
struct GatherElements: Composite {
  static let onnx = OnnxName("GatherElements", since: 11)
  private let axis: Int
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis")
    axis = try node.int("axis", default: 0)
  }
  func write(to node: inout OnnxNode) { if axis != 0 { node["axis"] = .int(Int64(axis)) } }
  func trainable(_ input: Int) -> Bool { input == 0 }
  /// Indices name places: what they name may be in another row.
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { true }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let data = try inputs.value(0, "data")
    return [try data.apply(Pick(kind: .along(resolveAxis(axis, rank: data.shape.rank))), inputs.value(1, "indices"))]
  }
}
