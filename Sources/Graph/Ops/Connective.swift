import DitherBasics
import DitherTensor

/// A truth value of two.
protocol Connective: OnnxOp {
  func combine(_ a: UInt8, _ b: UInt8) -> UInt8
}

extension Array where Element == TensorType? {
  func bool(_ position: Int, _ name: String) throws(GraphError) -> TensorType {
    let type = try required(position, name)
    guard type.element == .bool else {
      throw GraphError(.unsupportedType, at: "input '\(name)'", expected: "bool", got: "\(type.element)")
    }
    return type
  }
}

extension Connective {
  func trainable(_ input: Int) -> Bool { false }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let (shape, known) = try knownBroadcast(inputs.bool(0, "A"), inputs.bool(1, "B")) { a, b in
      Int64(combine(UInt8(truncatingIfNeeded: a), UInt8(truncatingIfNeeded: b)))
    }
    return [TensorType(shape, .bool, known: known)]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [nil, nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let a = call.inputs[0], b = call.inputs[1], y = call.outputs[0], op = self
    let broadcast = Broadcast(y.shape, of: [a.shape, b.shape])
    plan.step([a, b, y]) { memory in
      let x = memory.raw(a).assumingMemoryBound(to: UInt8.self), z = memory.raw(b).assumingMemoryBound(to: UInt8.self)
      let to = memory.raw(y).assumingMemoryBound(to: UInt8.self)
      return { broadcast.each { i, j, k in to[i] = op.combine(x[j], z[k]) } }
    }
  }
}
