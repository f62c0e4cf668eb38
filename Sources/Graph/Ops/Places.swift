import DitherBasics
import DitherTensor

/// Which blocks of an array indices name: what gathers read and scatters write.
struct Places: Sendable {
  enum Kind: Sendable {
    /// Each index is a coordinate along this axis; the others are those of its own place.
    case along(Int)
    /// Each row of indices holds the coordinates behind so many leading axes, which both share.
    case leading(Int)
  }
  let data: Shape
  let indices: Shape
  let kind: Kind

  /// - Throws: `GraphFault.shape`, where the indices' shape does not fit the data's.
  init(_ kind: Kind, data: Shape, indices: Shape) throws(GraphError) {
    self.kind = kind
    self.data = data
    self.indices = indices
    guard (1...8).contains(data.rank), (1...8).contains(indices.rank) else {
      throw GraphError(.shape, at: "inputs", expected: "rank 1 to 8", got: "\(data) and \(indices)")
    }
    switch kind {
    case .along(let axis):
      let fits =
        indices.rank == data.rank
        && data.dimensions.indices.allSatisfy { $0 == axis || indices[$0] <= data[$0] }
      guard fits else {
        throw GraphError(
          .shape, at: "input 'indices'", expected: "extents as those of \(data), or less, but on axis \(axis)",
          got: "\(indices)")
      }
    case .leading(let shared):
      guard (0..<min(data.rank, indices.rank)).contains(shared) else {
        throw GraphError(
          .attribute, at: "attribute 'batch_dims'", expected: "0 to \(min(data.rank, indices.rank) - 1)",
          got: "\(shared)")
      }
      let depth = indices[indices.rank - 1]
      guard (1...data.rank - shared).contains(depth), (0..<shared).allSatisfy({ indices[$0] == data[$0] }) else {
        throw GraphError(
          .shape, at: "input 'indices'",
          expected: "\(shared) leading axes as those of \(data), then rows of 1 to \(data.rank - shared) coordinates",
          got: "\(indices)")
      }
    }
  }

  /// The shape of the blocks that are picked.
  var picked: Shape {
    switch kind {
    case .along: indices
    case .leading(let shared):
      Shape(
        Array(indices.dimensions.dropLast())
          + Array(data.dimensions[(shared + indices[indices.rank - 1])...]))
    }
  }

  /// Numbers of one block, which lie side by side.
  var block: Int {
    switch kind {
    case .along: 1
    case .leading(let shared): Shape(Array(data.dimensions[(shared + indices[indices.rank - 1])...])).count
    }
  }

  /// - Throws: `GraphFault.shape`, where a known index lies outside.
  func check(_ known: [Int64]?) throws(GraphError) {
    guard let known else { return }
    var outside: Int64?
    walk { place, extent in
      if known[place] < -Int64(extent) || known[place] >= Int64(extent) { outside = outside ?? known[place] }
    }
    if let outside {
      throw GraphError(.shape, at: "input 'indices'", expected: "places in \(data)", got: "\(outside)")
    }
  }

  private func walk(_ body: (Int, Int) -> Void) {
    switch kind {
    case .along(let axis): for place in 0..<indices.count { body(place, data[axis]) }
    case .leading(let shared):
      let depth = indices[indices.rank - 1]
      for place in 0..<indices.count { body(place, data[shared + place % depth]) }
    }
  }

  /// `body` gets each block's offset in the data, nil where an index lies outside, and in what is picked.
  func each(_ values: UnsafePointer<Int64>, _ body: (Int?, Int) -> Void) {
    let strides = data.strides
    func inside(_ value: Int64, _ extent: Int) -> Int? {
      let value = value < 0 ? value &+ Int64(extent) : value
      return value >= 0 && value < Int64(extent) ? Int(value) : nil
    }
    switch kind {
    case .along(let axis):
      var own = [Int](repeating: 0, count: indices.rank)
      for place in 0..<indices.count {
        var offset = 0
        for i in own.indices where i != axis { offset += own[i] * strides[i] }
        body(inside(values[place], data[axis]).map { offset + $0 * strides[axis] }, place)
        var i = own.count - 1
        while i >= 0 {
          own[i] += 1
          if own[i] < indices[i] { break }
          own[i] = 0
          i -= 1
        }
      }
    case .leading(let shared):
      let depth = indices[indices.rank - 1], rows = indices.count / depth, block = block
      let groups = Shape(Array(data.dimensions[..<shared])).count, whole = groups == 0 ? 0 : data.count / groups
      let each = groups == 0 ? 0 : rows / groups
      for row in 0..<rows {
        var offset: Int? = row / max(each, 1) * whole
        for k in 0..<depth {
          guard let start = offset, let at = inside(values[row * depth + k], data[shared + k]) else {
            offset = nil
            break
          }
          offset = start + at * strides[shared + k]
        }
        body(offset, row * block)
      }
    }
  }
}

extension Places.Kind {
  /// For operands whose shapes are known.
  func places(_ inputs: [TensorType?]) throws(GraphError) -> Places {
    let data = try inputs.required(0, "data"), indices = try inputs.required(1, "indices")
    guard indices.element == .int64 else {
      throw GraphError(.unsupportedType, at: "input 'indices'", expected: "int64", got: "\(indices.element)")
    }
    let places = try Places(self, data: data.shape, indices: indices.shape)
    try places.check(indices.known)
    return places
  }
}

/// The blocks of `data` at `indices`.
struct Pick: Op {
  let kind: Places.Kind
  var takesEmpty: Bool { true }
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

/// Adds what comes to the blocks that were picked.
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

/// `data` with `updates` in the blocks at `indices`. Of several updates of one block the last stays, where they do not
/// add up: the standard leaves it open.
struct Put: Op {
  enum Reduction: String, CaseIterable, Sendable { case none, add, mul, max, min }
  let kind: Places.Kind
  let reduction: Reduction
  var takesEmpty: Bool { true }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data"), updates = try inputs.required(2, "updates")
    let places = try kind.places(inputs)
    guard updates.element == data.element, updates.shape == places.picked else {
      throw GraphError(
        .shape, at: "input 'updates'", expected: "\(TensorType(places.picked, data.element))", got: "\(updates)")
    }
    guard data.element != .bool || reduction == .none else {
      throw GraphError(.unsupportedType, at: "input 'data'", expected: "numbers, to be reduced", got: "\(data)")
    }
    return [TensorType(data.shape, data.element)]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let indices = call.inputs[1], updates = call.inputs[2]
    switch reduction {
    case .none:
      let zeros = call.inputs[0].builder.constant(.float(Tensor(zeros: updates.shape)))
      return [
        try upstream.apply(Put(kind: kind, reduction: .none), indices, zeros), nil,
        try upstream.apply(Pick(kind: kind), indices),
      ]
    case .add: return [upstream, nil, try upstream.apply(Pick(kind: kind), indices)]
    case .mul, .max, .min:
      throw GraphError(
        .unsupportedOp, at: "node '\(call.name.clipped())'", expected: "a reduction with a gradient: none or add",
        got: reduction.rawValue)
    }
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let data = call.inputs[0], indices = call.inputs[1], updates = call.inputs[2], y = call.outputs[0]
    let places = try Places(kind, data: data.shape, indices: indices.shape), block = places.block, kind = reduction
    let element = y.type.element, bytes = y.shape.count * element.byteCount, count = y.shape.count
    plan.step([data, indices, updates, y]) { memory in
      let from = memory.raw(data), new = memory.raw(updates), to = memory.raw(y)
      let at = memory.raw(indices).assumingMemoryBound(to: Int64.self)
      func put<T>(_: T.Type, _ reduce: @escaping (T, T) -> T, lost: T?) -> Step {
        let new = new.assumingMemoryBound(to: T.self), to = to.assumingMemoryBound(to: T.self)
        return {
          to.withMemoryRebound(to: UInt8.self, capacity: bytes) {
            UnsafeMutableRawPointer($0).copyMemory(from: from, byteCount: bytes)
          }
          var isLost = false
          places.each(at) { target, source in
            guard let target else { return isLost = true }
            for i in 0..<block { to[target + i] = reduce(to[target + i], new[source + i]) }
          }
          // An index out of range: no numbers to give.
          if isLost, let lost { to.update(repeating: lost, count: count) }
        }
      }
      switch element {
      case .float32: return put(Float.self, kind.floats, lost: .nan)
      case .int64: return put(Int64.self, kind.integers, lost: nil)
      case .bool: return put(UInt8.self, { $1 }, lost: nil)
      }
    }
  }
}

extension Put.Reduction {
  init(_ node: OnnxNode) throws(GraphError) {
    let name = try node.string("reduction", default: "none")
    guard let known = Put.Reduction(rawValue: name) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'reduction'",
        expected: Put.Reduction.allCases.map(\.rawValue).joined(separator: ", "), got: "'\(name.clipped())'")
    }
    self = known
  }
  func write(to node: inout OnnxNode) { if self != .none { node["reduction"] = .string(rawValue) } }
  /// The first opset that has it.
  var since: Int {
    switch self {
    case .none: 11
    case .add, .mul: 16
    case .max, .min: 18
    }
  }
  fileprivate var floats: (Float, Float) -> Float {
    switch self {
    case .none: { $1 }
    case .add: { $0 + $1 }
    case .mul: { $0 * $1 }
    case .max: { $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) }
    case .min: { $0.isNaN || $1.isNaN ? .nan : Swift.min($0, $1) }
    }
  }
  fileprivate var integers: (Int64, Int64) -> Int64 {
    switch self {
    case .none: { $1 }
    case .add: { $0 &+ $1 }
    case .mul: { $0 &* $1 }
    case .max: { Swift.max($0, $1) }
    case .min: { Swift.min($0, $1) }
    }
  }
}
