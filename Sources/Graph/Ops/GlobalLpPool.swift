import DitherBasics
import DitherTensor

/// The p-norm of each channel: [N, C, …] to [N, C, 1, …].
/// - Source: ONNX `GlobalLpPool`, opsets 2–28.
struct GlobalLpPool: Composite {
  static let onnx = OnnxName("GlobalLpPool", since: 2)
  private let power: Int
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("p")
    power = try node.int("p", default: 2)
    guard (1...64).contains(power) else {
      throw GraphError(.attribute, at: "\(node.place), attribute 'p'", expected: "1 to 64", got: "\(power)")
    }
  }
  func write(to node: inout OnnxNode) { if power != 2 { node["p"] = .int(Int64(power)) } }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis > 1 }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 3...5)
    let kept = Shape(Array(x.shape.dimensions[..<2]) + [Int](repeating: 1, count: x.shape.rank - 2))
    return [try x.powered(power).summed(to: kept).root(power)]
  }
}
