import DitherBasics
import DitherTensor

/// x divided by its L1 or Euclidean norm along an axis; what has none stays 0.
/// - Source: ONNX `LpNormalization`, opsets 1–28.
struct LpNormalization: Composite {
  static let onnx = OnnxName("LpNormalization", since: 1)
  private let axis: Int
  private let power: Int
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis", "p")
    axis = try node.int("axis", default: -1)
    power = try node.int("p", default: 2)
    guard power == 1 || power == 2 else {
      throw GraphError(.attribute, at: "\(node.place), attribute 'p'", expected: "1 or 2", got: "\(power)")
    }
  }
  func write(to node: inout OnnxNode) {
    node["axis"] = .int(Int64(axis))
    node["p"] = .int(Int64(power))
  }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    (try? resolveAxis(self.axis, rank: types.rank(input))) == axis
  }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "input", rank: 1...8)
    var kept = x.shape
    kept[try resolveAxis(axis, rank: x.shape.rank)] = 1
    let size = power == 1 ? try x.map(.abs).summed(to: kept) : try x.sumOfSquares(to: kept).map(.squareRoot)
    return try [x / (size + (size >= 0) * (size <= 0))]
  }
}
