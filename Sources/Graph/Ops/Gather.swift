import DitherBasics
import DitherTensor

/// Slices of `data` along an axis, by index: embeddings, and the picking of extents out of shapes.
/// - Source: ONNX `Gather`, opsets 1–28.
struct Gather: OnnxOp, Lookup {
  static let onnx = OnnxName("Gather", since: 1)
  let axis: Int
  var table: Int { 0 }
  init(axis: Int) { self.axis = axis }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis")
    axis = try node.int("axis", default: 0)
  }
  func write(to node: inout OnnxNode) { if axis != 0 { node["axis"] = .int(Int64(axis)) } }
  func trainable(_ input: Int) -> Bool { input == 0 }

  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    input == 0 && (try? resolveAxis(self.axis, rank: types.rank(0))) == axis
  }

  /// Some classes, or all in another order.
  func rows(_ call: RowsCall) -> RowFacts? {
    guard let facts = call[0], facts.form != .negatives, let shape = call.type(0)?.shape, shape.isBatch,
      call.result.shape.isBatch, let axis = try? resolveAxis(axis, rank: shape.rank), axis == shape.onlyAxis,
      let known = call.type(1)?.known
    else { return nil }
    return call.picked(facts, known.map { Int($0 < 0 ? $0 + Int64(shape[axis]) : $0) }, of: shape[axis])
  }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data"), indices = try inputs.required(1, "indices")
    guard indices.element == .int64 else {
      throw GraphError(.unsupportedType, at: "input 'indices'", expected: "int64", got: "\(indices.element)")
    }
    let axis = try resolveAxis(axis, rank: data.shape.rank), dimensions = data.shape.dimensions
    guard !dimensions.isEmpty else {
      throw GraphError(.shape, at: "input 'data'", expected: "an axis to pick from", got: "\(data)")
    }
    let extent = dimensions[axis], walk = GatherWalk(data.shape, axis, indices.shape.count)
    for index in indices.known ?? [] where index < -Int64(extent) || index >= Int64(extent) {
      throw GraphError(.shape, at: "input 'indices'", expected: "\(-extent) to \(extent - 1)", got: "\(index)")
    }
    let shape = Shape(Array(dimensions[..<axis]) + indices.shape.dimensions + Array(dimensions[(axis + 1)...]))
    guard shape.rank <= 8 else { throw GraphError(.shape, at: "inputs", expected: "rank at most 8", got: "\(shape)") }
    guard let picked = indices.known else { return [TensorType(shape, data.element)] }
    return [
      data.rearranged(shape) {
        var source: [Int] = []
        walk.each(picked) { from, _ in source += (0..<walk.inner).map { (from ?? 0) + $0 } }
        return source
      }
    ]
  }

  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [upstream.apply(GatherGradient(axis: axis, shape: call.inputs[0].shape), call.inputs[1]), nil]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let data = call.inputs[0], indices = call.inputs[1], y = call.outputs[0]
    let axis = try resolveAxis(axis, rank: data.shape.rank), walk = GatherWalk(data.shape, axis, indices.shape.count)
    let size = y.type.element.byteCount, isFloat = y.type.element == .float32
    plan.step([data, indices, y]) { memory in
      let from = memory.raw(data), to = memory.raw(y), picked = memory.raw(indices).assumingMemoryBound(to: Int64.self)
      return {
        walk.each(picked) { source, target in
          if let source {
            (to + target * size).copyMemory(from: from + source * size, byteCount: walk.inner * size)
          } else if isFloat {  // an index out of range: no number to give
            (to + target * size).assumingMemoryBound(to: Float.self).update(repeating: .nan, count: walk.inner)
          } else {
            (to + target * size).initializeMemory(as: UInt8.self, repeating: 0, count: walk.inner * size)
          }
        }
      }
    }
  }
}

struct GatherWalk: Sendable {
  let outer: Int, extent: Int, inner: Int, count: Int
  init(_ data: Shape, _ axis: Int, _ count: Int) {
    outer = Shape(Array(data.dimensions[..<axis])).count
    extent = data[axis]
    inner = Shape(Array(data.dimensions[(axis + 1)...])).count
    self.count = count
  }
  /// `body` gets the offset in data, nil where the index is out of range, and in the result.
  func each(_ indices: UnsafePointer<Int64>, _ body: (Int?, Int) -> Void) {
    for o in 0..<outer {
      for i in 0..<count {
        let index = indices[i] < 0 ? indices[i] &+ Int64(extent) : indices[i]
        let inside = index >= 0 && index < Int64(extent)
        body(inside ? (o * extent + Int(index)) * inner : nil, (o * count + i) * inner)
      }
    }
  }
}

/// Adds the upstream gradient's slices where they were taken from.
struct GatherGradient: Op {
  let axis: Int
  var table: Int { 0 }
  let shape: Shape
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(shape)] }
  /// Linear in the upstream gradient.
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    [try upstream.apply(Gather(axis: axis), call.inputs[1]), nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let g = call.inputs[0], indices = call.inputs[1], y = call.outputs[0], count = shape.count
    let walk = GatherWalk(shape, try resolveAxis(axis, rank: shape.rank), indices.shape.count)
    plan.step([g, indices, y]) { memory in
      let from = memory.floats(g), to = memory.floats(y),
        picked = memory.raw(indices).assumingMemoryBound(to: Int64.self)
      return {
        to.update(repeating: 0, count: count)
        walk.each(picked) { target, source in
          guard let target else { return }
          for i in 0..<walk.inner { to[target + i] += from[source + i] }
        }
      }
    }
  }
}
