import DitherBasics
import DitherTensor

/// Sums of all elements up to each along an axis, which is known; `exclusive`: without that element; `reverse`: from
/// the end.
/// - Source: ONNX `CumSum`, opsets 11–28.
struct CumSum: OnnxOp {
  static let onnx = OnnxName("CumSum", since: 11)
  private let isExclusive: Bool
  private let isReversed: Bool
  private init(isExclusive: Bool, isReversed: Bool) {
    self.isExclusive = isExclusive
    self.isReversed = isReversed
  }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("exclusive", "reverse")
    isExclusive = try node.flag("exclusive", default: false)
    isReversed = try node.flag("reverse", default: false)
  }
  func write(to node: inout OnnxNode) {
    if isExclusive { node["exclusive"] = .int(1) }
    if isReversed { node["reverse"] = .int(1) }
  }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    input == 0 && (try? self.axis(types, rank: types.rank(0))) ?? axis == axis
  }

  private func axis(_ inputs: [TensorType?], rank: Int) throws(GraphError) -> Int {
    let known = try inputs.known(1, "axis")
    guard known.count == 1 else {
      throw GraphError(.shape, at: "input 'axis'", expected: "one number", got: "\(known.count)")
    }
    return try resolveAxis(known[0], rank: rank)
  }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.required(0, "x")
    guard (1...8).contains(x.shape.rank), x.element != .bool else {
      throw GraphError(.unsupportedType, at: "input 'x'", expected: "numbers, of rank 1 to 8", got: "\(x)")
    }
    _ = try axis(inputs, rank: x.shape.rank)
    return [TensorType(x.shape, x.element)]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    [try upstream.apply(CumSum(isExclusive: isExclusive, isReversed: !isReversed), call.inputs[1]), nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], y = call.outputs[0], axis = try axis([nil, call.inputs[1].type], rank: x.shape.rank)
    let lines = Lines(x.shape, along: axis), isExclusive = isExclusive, isReversed = isReversed
    let isFloat = y.type.element == .float32
    plan.step([x, y]) { memory in
      let from = memory.raw(x), to = memory.raw(y)
      func sum<T>(_: T.Type, _ zero: T, _ add: @escaping (T, T) -> T) -> Step {
        let from = from.assumingMemoryBound(to: T.self), to = to.assumingMemoryBound(to: T.self)
        return {
          for line in 0..<lines.count {
            let start = lines.start(line)
            var total = zero
            for step in 0..<lines.extent {
              let place = start + (isReversed ? lines.extent - 1 - step : step) * lines.inner,
                next = add(total, from[place])
              to[place] = isExclusive ? total : next
              total = next
            }
          }
        }
      }
      return isFloat ? sum(Float.self, 0, +) : sum(Int64.self, 0, &+)
    }
  }
}
