import DitherBasics
import DitherTensor

/// The blocks of `data` at `indices`.
struct Pick: Op {
  let kind: Places.Kind
  var takesEmpty: Bool { true }
  var isIndexed: Bool { true }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data"), places = try kind.places(inputs)
    guard let known = inputs.optional(1)?.known else { return [TensorType(places.picked, data.element)] }
    return [
      data.rearranged(places.picked) {
        var source = [Int](repeating: 0, count: places.picked.count)
        places.each(known) { from, to in for i in 0..<places.block { source[to + i] = (from ?? 0) + i } }
        return source
      }
    ]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    [try upstream.apply(PickGradient(kind: kind, shape: call.inputs[0].shape), call.inputs[1]), nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let data = call.inputs[0], indices = call.inputs[1], y = call.outputs[0]
    let places = try Places(kind, data: data.shape, indices: indices.shape), block = places.block
    let size = y.type.element.byteCount, isFloat = y.type.element == .float32
    plan.step([data, indices, y]) { memory in
      let from = memory.raw(data), to = memory.raw(y), at = memory.raw(indices).assumingMemoryBound(to: Int64.self)
      return {
        places.each(at) { source, target in
          if let source {
            (to + target * size).copyMemory(from: from + source * size, byteCount: block * size)
          } else if isFloat {  // an index out of range: no number to give
            (to + target * size).assumingMemoryBound(to: Float.self).update(repeating: .nan, count: block)
          } else {
            (to + target * size).initializeMemory(as: UInt8.self, repeating: 0, count: block * size)
          }
        }
      }
    }
  }
}

/// The gradient of a pick: each upstream block is added where it was taken from.
struct PickGradient: Op {
  let kind: Places.Kind
  let shape: Shape
  var takesEmpty: Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(shape)] }
  /// Linear in the upstream gradient.
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    [try upstream.apply(Pick(kind: kind), call.inputs[1]), nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let g = call.inputs[0], indices = call.inputs[1], y = call.outputs[0], count = shape.count
    let places = try Places(kind, data: shape, indices: indices.shape), block = places.block
    plan.step([g, indices, y]) { memory in
      let from = memory.floats(g), to = memory.floats(y), at = memory.raw(indices).assumingMemoryBound(to: Int64.self)
      return {
        to.update(repeating: 0, count: count)
        places.each(at) { target, source in
          guard let target else { return }
          for i in 0..<block { to[target + i] += from[source + i] }
        }
      }
    }
  }
}
