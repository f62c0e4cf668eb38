import DitherBasics
import DitherTensor

/// `data` with one update for each index, along an axis; `reduction`: how it meets what is there.
/// - Source: ONNX `ScatterElements`, opsets 11–28. Gradients with `none`, where no index comes twice, and `add`.
struct ScatterElements: Composite {
  static let onnx = OnnxName("ScatterElements", since: 11)
  private let axis: Int
  private let reduction: Put.Reduction
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis", "reduction")
    axis = try node.int("axis", default: 0)
    reduction = try Put.Reduction(node)
  }
  var leastOpset: Int { reduction.since }
  func write(to node: inout OnnxNode) {
    if axis != 0 { node["axis"] = .int(Int64(axis)) }
    reduction.write(to: &node)
  }
  func trainable(_ input: Int) -> Bool { input != 1 }
  /// Indices name places: what they name may be in another row.
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { true }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let data = try inputs.value(0, "data"), axis = try resolveAxis(axis, rank: data.shape.rank)
    let put = Put(kind: .along(axis), reduction: reduction)
    return [try data.apply(put, inputs.value(1, "indices"), inputs.value(2, "updates"))]
  }
}
