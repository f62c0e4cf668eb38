import DitherBasics
import DitherTensor

/// 1 at the first of the largest elements along an axis, 0 elsewhere. No gradient passes.
/// - Source: ONNX `Hardmax`, opsets 13–28.
struct Hardmax: OnnxOp {
  static let onnx = OnnxName("Hardmax", since: 13)
  private let axis: Int
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis")
    axis = try node.int("axis", default: -1)
  }
  func write(to node: inout OnnxNode) { node["axis"] = .int(Int64(axis)) }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    (try? resolveAxis(self.axis, rank: types.rank(input))) == axis
  }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let shape = try inputs.float(0, "input", rank: 1...8)
    _ = try resolveAxis(axis, rank: shape.rank)
    return [TensorType(shape)]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], axis = try resolveAxis(axis, rank: x.shape.rank), extent = x.shape[axis]
    try plan.alongLast(axis: axis, [x], call.outputs[0]) { from, to, rows in
      for row in 0..<rows {
        let start = row * extent
        var best = 0
        for i in 0..<extent where from[0][start + i] > from[0][start + best] { best = i }
        for i in 0..<extent { to[start + i] = i == best ? 1 : 0 }
      }
    }
  }
}
