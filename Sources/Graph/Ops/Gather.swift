import DitherBasics
import DitherTensor

/// Slices of `data` along an axis, by index: embeddings, and the picking of extents out of shapes.
/// - Source: ONNX `Gather`, opsets 1–21.
struct Gather: OnnxOp {
  static let onnx = OnnxName("Gather", since: 1)
  let axis: Int
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis")
    axis = try node.int("axis", default: 0)
  }
  func write(to node: inout OnnxNode) { if axis != 0 { node["axis"] = .int(Int64(axis)) } }
  func trainable(_ input: Int) -> Bool { input == 0 }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data"), indices = try inputs.required(1, "indices")
    guard indices.element == .int64 else {
      throw GraphError(.unsupportedType, at: "input 'indices'", expected: "int64", got: "\(indices.element)")
    }
    let axis = try resolveAxis(axis, rank: data.shape.rank), extent = data.shape[axis]
    for index in indices.known ?? [] where index < -Int64(extent) || index >= Int64(extent) {
      throw GraphError(.shape, at: "input 'indices'", expected: "\(-extent) to \(extent - 1)", got: "\(index)")
    }
    let dimensions = data.shape.dimensions
    let shape = Shape(Array(dimensions[..<axis]) + indices.shape.dimensions + Array(dimensions[(axis + 1)...]))
    if data.element == .int64 {
      guard data.shape.rank == 1, let values = data.known, let picked = indices.known else {
        throw GraphError(
          .unsupportedType, at: "input 'data'", expected: "float32, or integers known beforehand", got: "\(data)")
      }
      return [TensorType(shape, .int64, known: picked.map { values[Int($0 < 0 ? $0 + Int64(extent) : $0)] })]
    }
    return [TensorType(shape, data.element)]
  }

  func gradient(_ call: Call, upstream: Value) -> [Value?] {
    [upstream.apply(GatherGradient(axis: axis, shape: call.inputs[0].shape), call.inputs[1]), nil]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let data = call.inputs[0], indices = call.inputs[1], y = call.outputs[0]
    guard y.type.element == .float32 else { return }
    let axis = try resolveAxis(axis, rank: data.shape.rank), walk = GatherWalk(data.shape, axis, indices.shape.count)
    plan.step([data, indices, y]) { memory in
      let from = memory.floats(data), to = memory.floats(y),
        picked = memory.raw(indices).assumingMemoryBound(to: Int64.self)
      return {
        walk.each(picked) { source, target in
          guard let source else {
            (to + target).update(repeating: .nan, count: walk.inner)  // an index out of range: no number to give
            return
          }
          (to + target).update(from: from + source, count: walk.inner)
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
  let shape: Shape
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(shape)] }
  func gradient(_ call: Call, upstream: Value) -> [Value?] {
    preconditionFailure("no second derivative of gathers: take differences of gradients")
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
