import DitherBasics
import DitherTensor

/// The upper or the lower triangle of each matrix, from the `k`-th diagonal on; 0 elsewhere.
/// - Shapes: [..., M, N], and a known number k, 0 if it is left out.
/// - Source: ONNX `Trilu`, opsets 14–28.
struct Trilu: OnnxOp, Rearranging {
  static let onnx = OnnxName("Trilu", since: 14)
  private let isUpper: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("upper")
    isUpper = try node.flag("upper", default: true)
  }
  func write(to node: inout OnnxNode) { if !isUpper { node["upper"] = .int(0) } }
  var takesEmpty: Bool { true }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    input == 0 && axis >= types.rank(0) - 2
  }

  private func diagonal(_ inputs: [TensorType?]) throws(GraphError) -> Int {
    guard inputs.optional(1) != nil else { return 0 }
    let known = try inputs.known(1, "k")
    guard known.count == 1 else {
      throw GraphError(.shape, at: "input 'k'", expected: "one number", got: "\(known.count)")
    }
    return known[0].clamped(to: -1 << 40...1 << 40)
  }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.required(0, "input")
    guard (2...8).contains(x.shape.rank) else {
      throw GraphError(.shape, at: "input 'input'", expected: "rank 2 to 8", got: "\(x)")
    }
    _ = try diagonal(inputs)
    return [TensorType(x.shape, x.element)]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    [try upstream.apply(self, call.inputs.optional(1)), nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], y = call.outputs[0], rank = x.shape.rank, rows = x.shape[rank - 2],
      columns = x.shape[rank - 1]
    let k = try diagonal([nil, call.inputs.optional(1)?.type]), isUpper = isUpper, size = y.type.element.byteCount
    let total = columns == 0 ? 0 : x.shape.count / columns
    plan.step([x, y]) { memory in
      let from = memory.raw(x), to = memory.raw(y)
      return {
        for line in 0..<total {
          // Columns up to here lie left of the triangle's edge.
          let edge = (line % rows + k + (isUpper ? 0 : 1)).clamped(to: 0...columns)
          let kept = isUpper ? edge..<columns : 0..<edge, start = line * columns
          (to + start * size).initializeMemory(as: UInt8.self, repeating: 0, count: columns * size)
          (to + (start + kept.lowerBound) * size)
            .copyMemory(from: from + (start + kept.lowerBound) * size, byteCount: kept.count * size)
        }
      }
    }
  }
}
