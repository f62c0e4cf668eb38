import DitherBasics
import DitherTensor

/// `X` where the condition holds, else `Y`, with NumPy's broadcasting.
/// - Source: ONNX `Where`, opsets 9–28.
struct Where: OnnxOp {
  static let onnx = OnnxName("Where", since: 9)
  init() {}
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func trainable(_ input: Int) -> Bool { input > 0 }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let condition = try inputs.bool(0, "condition"), x = try inputs.required(1, "X"), y = try inputs.required(2, "Y")
    guard x.element == y.element else {
      throw GraphError(.unsupportedType, at: "input 'Y'", expected: "\(x.element), as X is", got: "\(y.element)")
    }
    guard let pair = Shape.broadcast(x.shape, y.shape), let shape = Shape.broadcast(condition.shape, pair),
      shape.rank <= 8
    else {
      throw GraphError(
        .shape, at: "inputs", expected: "shapes that broadcast", got: "\(condition.shape), \(x.shape) and \(y.shape)")
    }
    var known: [Int64]?
    if let c = condition.known, let a = x.known, let b = y.known, (shape.checkedCount ?? .max) <= Literal.knownLimit {
      let (i, j, k) = (shape.indices(of: condition.shape), shape.indices(of: x.shape), shape.indices(of: y.shape))
      known = (0..<shape.count).map { c[i[$0]] != 0 ? a[j[$0]] : b[k[$0]] }
    }
    return [TensorType(shape, x.element, known: known)]
  }

  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let zero = upstream.builder.scalar(0), condition = call.inputs[0]
    func share(_ a: Value, _ b: Value, _ shape: Shape) throws(GraphError) -> Value {
      try upstream.builder.apply(Where(), [condition, a, b])[0].summed(to: shape)
    }
    return try [nil, share(upstream, zero, call.inputs[1].shape), share(zero, upstream, call.inputs[2].shape)]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let condition = call.inputs[0], a = call.inputs[1], b = call.inputs[2], y = call.outputs[0]
    let broadcast = Broadcast(y.shape, of: [condition.shape, a.shape, b.shape])
    let element = y.type.element
    plan.step([condition, a, b, y]) { memory in
      let holds = memory.raw(condition).assumingMemoryBound(to: Bool.self)
      let x = memory.raw(a), z = memory.raw(b), target = memory.raw(y)
      func select<T>(_: T.Type) -> Step {
        let x = x.assumingMemoryBound(to: T.self), z = z.assumingMemoryBound(to: T.self)
        let to = target.assumingMemoryBound(to: T.self)
        return { broadcast.each { n, i, j, k in to[n] = holds[i] ? x[j] : z[k] } }
      }
      return switch element {
      case .float32: select(Float.self)
      case .int64: select(Int64.self)
      case .bool: select(Bool.self)
      }
    }
  }
}
