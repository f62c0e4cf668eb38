import DitherBasics
import DitherTensor

/// The largest element of each channel: [N, C, …] to [N, C, 1, …].
/// - Source: ONNX `GlobalMaxPool`, opsets 1–28.
struct GlobalMaxPool: Composite, Increasing {
  static let onnx = OnnxName("GlobalMaxPool", since: 1)
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 3...5)
    return [try x.apply(ReduceMax(ReducedAxes(Array(2..<x.shape.rank))))]
  }
}
