import DitherBasics
import DitherTensor

/// `data` with `updates` in the blocks at `indices`. Of several updates of one block the last stays, where they do not
/// add up: the standard leaves it open.
struct Put: Op {
  enum Reduction: String, CaseIterable, Sendable { case none, add, mul, max, min }
  let kind: Places.Kind
  let reduction: Reduction
  var takesEmpty: Bool { true }
  var isIndexed: Bool { true }
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
