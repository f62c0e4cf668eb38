import DitherBasics
import DitherTensor

/// `data` with the slices `updates` at the coordinates that rows of `indices` hold; `reduction`: how they meet what is
/// there.
/// - Source: ONNX `ScatterND`, opsets 11–28. Gradients with `none`, where no index comes twice, and `add`.
struct ScatterND: Composite {
  static let onnx = OnnxName("ScatterND", since: 11)
  private let reduction: Put.Reduction
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("reduction")
    reduction = try Put.Reduction(node)
  }
  var leastOpset: Int { reduction.since }
  func write(to node: inout OnnxNode) { reduction.write(to: &node) }
  func trainable(_ input: Int) -> Bool { input != 1 }
  /// Indices name places: what they name may be in another row.
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { true }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let put = Put(kind: .leading(0), reduction: reduction)
    return [try inputs.value(0, "data").apply(put, inputs.value(1, "indices"), inputs.value(2, "updates"))]
  }
}
