import DitherTensor

/// An op that applies one function to every element.
protocol UnaryFunction: Op {
  var function: Unary.Function { get }
}

/// A function of every element, as gradients use it.
struct Unary: UnaryFunction {
  typealias Function = Kernels.Unary
  let function: Function
  init(_ function: Function) { self.function = function }
}

extension UnaryFunction {
  var elementwise: ElementFunction? { .unary(function) }
  var takesEmpty: Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    if let integers = integerType(try inputs.required(0, "X")) { return [integers] }
    return [TensorType(try inputs.float(0, "X"))]
  }

  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    // From the output where that is possible: then nothing else keeps the input alive, and a ReLU can be fused.
    let x = call.inputs[0], y = call.outputs[0]
    switch function {
    case .relu: return try [upstream.apply(Binary(.reluGradient), y)]
    case .tanh: return try [upstream * (-(y * y) + 1)]
    case .sigmoid: return try [upstream * (y * (-y + 1))]
    case .exp: return try [upstream * y]
    case .log: return try [upstream / x]
    case .squareRoot: return try [0.5 * (upstream / y)]
    case .abs: return try [upstream * x.map(.sign)]
    case .negate: return try [-upstream]
    case .erf: return try [1.1283791670955126 * (upstream * (-(x * x)).map(.exp))]  // 2 / sqrt(pi)
    case .reciprocal: return try [-(upstream * (y * y))]
    case .square: return try [2 * (upstream * x)]
    case .softplus: return try [upstream * x.map(.sigmoid)]
    case .sign, .floor, .ceil, .round: return [nil]
    }
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let x = call.inputs[0], y = call.outputs[0], count = y.shape.count, function = function
    guard y.type.element == .float32 else { return lowerIntegers(call, into: &plan) }
    if let layout = plan.elementwiseLayout([x], bfloat16: function == .relu) {
      let from = try plan.form(x, layout), to = try plan.newForm(y, layout), isHalf = layout.format == .bfloat16
      plan.step(slots: [from, to]) { memory in
        let source = memory.raw(from), target = memory.raw(to)
        if isHalf {
          let halves = source.assumingMemoryBound(to: UInt16.self),
            results = target.assumingMemoryBound(to: UInt16.self)
          return { Kernels.parallelUnary(function, results, halves, count) }
        }
        let floats = source.assumingMemoryBound(to: Float.self), results = target.assumingMemoryBound(to: Float.self)
        return { Kernels.parallelUnary(function, results, floats, count) }
      }
      return
    }
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return { Kernels.parallelUnary(function, to, from, count) }
    }
  }

  var isActivation: Bool {
    switch function {
    case .relu, .tanh, .sigmoid, .softplus: true
    default: false
    }
  }
}
