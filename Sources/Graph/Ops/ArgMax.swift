import DitherBasics
import DitherTensor

/// The index of the largest element along an axis, as int64: for outputs; no gradient passes.
/// - Source: ONNX `ArgMax`, opsets 1–28.
struct ArgMax: OnnxOp {
  static let onnx = OnnxName("ArgMax", since: 1)
  private let axis: Int
  private let keepsAxis: Bool
  private let takesLast: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis", "keepdims", "select_last_index")
    axis = try node.int("axis", default: 0)
    keepsAxis = try node.flag("keepdims", default: true)
    takesLast = try node.flag("select_last_index", default: false)
  }
  func write(to node: inout OnnxNode) {
    if axis != 0 { node["axis"] = .int(Int64(axis)) }
    if !keepsAxis { node["keepdims"] = .int(0) }
    if takesLast { node["select_last_index"] = .int(1) }
  }
  func trainable(_ input: Int) -> Bool { false }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(0, "data", rank: 1...8), axis = try resolveAxis(axis, rank: x.rank)
    var dimensions = x.dimensions
    if keepsAxis { dimensions[axis] = 1 } else { dimensions.remove(at: axis) }
    return [TensorType(Shape(dimensions), .int64)]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], y = call.outputs[0], axis = try resolveAxis(axis, rank: x.shape.rank)
    let extent = x.shape[axis], takesLast = takesLast
    let inner = Shape(Array(x.shape.dimensions[(axis + 1)...])).count, outer = x.shape.count / (extent * inner)
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.raw(y).assumingMemoryBound(to: Int64.self)
      return {
        for o in 0..<outer {
          for i in 0..<inner {
            let start = o * extent * inner + i
            var best = 0
            for k in 1..<Swift.max(extent, 1) {
              let (candidate, top) = (from[start + k * inner], from[start + best * inner])
              if candidate > top || (takesLast && candidate == top) { best = k }
            }
            to[o * inner + i] = Int64(best)
          }
        }
      }
    }
  }
}
