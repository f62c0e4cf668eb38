import DitherBasics
import DitherTensor

enum Relation: Sendable {
  case equal, less, lessOrEqual, greater, greaterOrEqual
  func holds<T: Comparable>(_ a: T, _ b: T) -> Bool {
    switch self {
    case .equal: a == b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    }
  }
}

/// A relation of two operands of one element type, as truth values.
protocol Comparison: OnnxOp {
  var relation: Relation { get }
}

extension Comparison {
  func trainable(_ input: Int) -> Bool { false }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let a = try inputs.required(0, "A"), b = try inputs.required(1, "B")
    guard a.element == b.element else {
      throw GraphError(.unsupportedType, at: "input 'B'", expected: "\(a.element), as A is", got: "\(b.element)")
    }
    var (shape, known) = try knownBroadcast(a, b) { relation.holds($0, $1) ? 1 : 0 }
    if let x = a.knownFloats, let y = b.knownFloats, (shape.checkedCount ?? .max) <= Literal.knownLimit {
      known = zip(shape.indices(of: a.shape), shape.indices(of: b.shape)).map { relation.holds(x[$0], y[$1]) ? 1 : 0 }
    }
    return [TensorType(shape, .bool, known: known)]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [nil, nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let a = call.inputs[0], b = call.inputs[1], y = call.outputs[0], relation = relation
    let broadcast = Broadcast(y.shape, of: [a.shape, b.shape]), element = a.type.element
    plan.step([a, b, y]) { memory in
      let to = memory.raw(y).assumingMemoryBound(to: Bool.self)
      let x = memory.raw(a), z = memory.raw(b)
      func compare<T: Comparable>(_: T.Type) -> Step {
        let x = x.assumingMemoryBound(to: T.self), z = z.assumingMemoryBound(to: T.self)
        return { broadcast.each { i, j, k in to[i] = relation.holds(x[j], z[k]) } }
      }
      return switch element {
      case .float32: compare(Float.self)
      case .int64: compare(Int64.self)
      case .bool: compare(UInt8.self)
      }
    }
  }
}
