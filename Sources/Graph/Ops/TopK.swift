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
  /// The k largest along the last axis, in their order.
  init(_ k: Int) { (axis, takesLargest, isSorted, count) = (-1, true, true, k) }
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

  private func lines(_ inputs: [TensorType?]) throws(GraphError) -> (lines: Lines, axis: Int, k: Int) {
    let x = try inputs.required(0, "X")
    guard (1...8).contains(x.shape.rank), x.element != .bool else {
      throw GraphError(.unsupportedType, at: "input 'X'", expected: "numbers, of rank 1 to 8", got: "\(x)")
    }
    let axis = try resolveAxis(axis, rank: x.shape.rank), known = try inputs.known(count.map { [$0] }, or: 1, "K")
    guard known.count == 1, (0...x.shape[axis]).contains(known[0]) else {
      throw GraphError(.shape, at: "input 'K'", expected: "one number from 0 to \(x.shape[axis])", got: "\(known)")
    }
    return (Lines(x.shape, along: axis), axis, known[0])
  }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.required(0, "X"), found = try lines(inputs)
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
    let (lines, _, k) = try lines([x.type, call.inputs.optional(1)?.type]), isFloat = x.type.element == .float32
    plan.step([x, y, places]) { memory in
      let from = memory.raw(x), to = memory.raw(y)
      let at = memory.raw(places).assumingMemoryBound(to: Int64.self)
      func pick<T: Comparable>(_: T.Type, _ isNumber: @escaping (T) -> Bool) -> Step {
        let from = from.assumingMemoryBound(to: T.self), to = to.assumingMemoryBound(to: T.self)
        return {
          for line in 0..<lines.count {
            let start = lines.start(line), target = lines.start(line, extent: k)
            let first = Self.first(k, of: lines.extent) { i, j in
              let a = from[start + i * lines.inner], b = from[start + j * lines.inner]
              guard isNumber(a), isNumber(b) else { return isNumber(a) == isNumber(b) ? i < j : isNumber(a) }
              return a == b ? i < j : takesLargest ? a > b : a < b
            }
            for (step, index) in first.enumerated() {
              to[target + step * lines.inner] = from[start + index * lines.inner]
              at[target + step * lines.inner] = Int64(index)
            }
          }
        }
      }
      return isFloat ? pick(Float.self, { !$0.isNaN }) : pick(Int64.self, { _ in true })
    }
  }

  /// The first `k` of so many places, in their order. Few of many are kept in a heap with the last of them on top, so
  /// that a line is not sorted for them.
  static func first(_ k: Int, of count: Int, _ precedes: (Int, Int) -> Bool) -> [Int] {
    guard k > 0 else { return [] }
    guard k <= count / 4 else { return Array((0..<count).sorted(by: precedes).prefix(k)) }
    var heap = Array(0..<k)
    func sink(_ from: Int) {
      var at = from
      while true {
        var last = at
        for child in [2 * at + 1, 2 * at + 2] where child < k && precedes(heap[last], heap[child]) { last = child }
        guard last != at else { return }
        heap.swapAt(at, last)
        at = last
      }
    }
    for at in (0..<k / 2).reversed() { sink(at) }
    for place in k..<count where precedes(place, heap[0]) {
      heap[0] = place
      sink(0)
    }
    return heap.sorted(by: precedes)
  }
}
