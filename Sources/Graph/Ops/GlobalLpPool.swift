import DitherBasics
import DitherTensor

/// The p-norm of each channel: [N, C, …] to [N, C, 1, …].
/// - Source: ONNX `GlobalLpPool`, opsets 2–28.
struct GlobalLpPool: Composite {
  static let onnx = OnnxName("GlobalLpPool", since: 2)
  private let norm: PowerNorm
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("p")
    norm = try PowerNorm(node)
  }
  func write(to node: inout OnnxNode) { norm.write(to: &node) }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis > 1 }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 3...5)
    let kept = Shape(Array(x.shape.dimensions[..<2]) + [Int](repeating: 1, count: x.shape.rank - 2))
    return [try norm.root(norm.power(x).summed(to: kept))]
  }
}
