import DitherBasics
import DitherTensor

/// Slices of `data`, each at the coordinates that a row of `indices` holds, behind `batch_dims` axes that both share.
/// - Source: ONNX `GatherND`, opsets 11–28.
struct GatherND: Composite {
  static let onnx = OnnxName("GatherND", since: 11)
  private let shared: Int
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("batch_dims")
    shared = try node.int("batch_dims", default: 0)
  }
  var leastOpset: Int { shared == 0 ? 11 : 12 }
  func write(to node: inout OnnxNode) { if shared != 0 { node["batch_dims"] = .int(Int64(shared)) } }
  func trainable(_ input: Int) -> Bool { input == 0 }
  /// Indices name places: what they name may be in another row, but for axes behind those that they name places on.
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    input != 0 || axis < shared + (types.optional(1)?.shape.dimensions.last ?? axis + 1)
  }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    [try inputs.value(0, "data").apply(Pick(kind: .leading(shared)), inputs.value(1, "indices"))]
  }
}
