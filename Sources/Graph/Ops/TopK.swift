import DitherBasics
import DitherTensor

/// The k largest or smallest elements along an axis, in their order, and their indices as int64. Of equal ones the
/// first comes first; NaN comes last.
/// - Source: ONNX `TopK`, opsets 1–28; k is known.
struct TopK: OnnxOp {
  static let onnx = OnnxName("TopK", since: 1)
  private let axis: Int
  private let takesLargest: Bool
  private let isSorted: Bool
  private let count: Int?
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis", "largest", "sorted", "k")
    axis = try node.int("axis", default: -1)
    takesLargest = try node.flag("largest", default: true)
    isSorted = try node.flag("sorted", default: true)
    count = try node.int("k")
    guard node.outputCount <= 2 else {
      throw GraphError(.attribute, at: node.place, expected: "one or two outputs", got: "\(node.outputCount)")
    }
  }
  var leastOpset: Int { takesLargest && isSorted ? 10 : 11 }
  func write(to node: inout OnnxNode) {
    if axis != -1 { node["axis"] = .int(Int64(axis)) }
    if !takesLargest { node["largest"] = .int(0) }
    if !isSorted { node["sorted"] = .int(0) }
    if let count { node.constantInputs[1] = .int64([1], [Int64(count)]) }
  }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    input == 0 && (try? resolveAxis(self.axis, rank: types.rank(0))) == axis
  }

  private func walk(_ inputs: [TensorType?]) throws(GraphError) -> (walk: GatherWalk, axis: Int, k: Int) {
    let x = try inputs.required(0, "X")
    guard (1...8).contains(x.shape.rank), x.element != .bool else {
      throw GraphError(.unsupportedType, at: "input 'X'", expected: "numbers, of rank 1 to 8", got: "\(x)")
    }
    let axis = try resolveAxis(axis, rank: x.shape.rank), known = try inputs.known(count.map { [$0] }, or: 1, "K")
    guard known.count == 1, (0...x.shape[axis]).contains(known[0]) else {
      throw GraphError(.shape, at: "input 'K'", expected: "one number from 0 to \(x.shape[axis])", got: "\(known)")
    }
    return (GatherWalk(x.shape, axis, known[0]), axis, known[0])
  }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.required(0, "X"), found = try walk(inputs)
    var shape = x.shape
    shape[found.axis] = found.k
    return [TensorType(shape, x.element), TensorType(shape, .int64)]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let axis = try resolveAxis(axis, rank: call.inputs[0].shape.rank)
    return [
      try upstream.apply(PickGradient(kind: .along(axis), shape: call.inputs[0].shape), call.outputs[1]), nil,
    ]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], y = call.outputs[0], places = call.outputs[1], takesLargest = takesLargest
    let (walk, _, k) = try walk([x.type, call.inputs.optional(1)?.type]), isFloat = x.type.element == .float32
    plan.step([x, y, places]) { memory in
      let from = memory.raw(x), to = memory.raw(y)
      let at = memory.raw(places).assumingMemoryBound(to: Int64.self)
      func pick<T: Comparable>(_: T.Type, _ isNumber: @escaping (T) -> Bool) -> Step {
        let from = from.assumingMemoryBound(to: T.self), to = to.assumingMemoryBound(to: T.self)
        return {
          for line in 0..<walk.outer * walk.inner {
            let start = line / walk.inner * walk.extent * walk.inner + line % walk.inner
            let order = (0..<walk.extent).sorted { i, j in
              let a = from[start + i * walk.inner], b = from[start + j * walk.inner]
              guard isNumber(a), isNumber(b) else { return isNumber(a) == isNumber(b) ? i < j : isNumber(a) }
              return a == b ? i < j : takesLargest ? a > b : a < b
            }
            let target = line / walk.inner * k * walk.inner + line % walk.inner
            for (step, index) in order.prefix(k).enumerated() {
              to[target + step * walk.inner] = from[start + index * walk.inner]
              at[target + step * walk.inner] = Int64(index)
            }
          }
        }
      }
      return isFloat ? pick(Float.self, { !$0.isNaN }) : pick(Int64.self, { _ in true })
    }
  }
}
