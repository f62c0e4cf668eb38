import DitherBasics
import DitherTensor

/// An op of two operands with NumPy's broadcasting.
protocol BinaryFunction: Op {
  var function: Binary.Function { get }
}

/// A function of two operands, as gradients use it.
struct Binary: BinaryFunction {
  typealias Function = Kernels.Binary
  let function: Function
  init(_ function: Function) { self.function = function }
}

extension BinaryFunction {
  var elementwise: ElementFunction? { .binary(function) }
  var takesEmpty: Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let left = try inputs.required(0, "A"), right = try inputs.required(1, "B")
    if let integers = try integerType(left, right) { return [integers] }
    let a = try inputs.float(0, "A"), b = try inputs.float(1, "B")
    guard let shape = Shape.broadcast(a, b) else {
      throw GraphError(.shape, at: "input 'B'", expected: "a shape that broadcasts with \(a)", got: "\(b)")
    }
    guard shape.rank <= 8 else {
      throw GraphError(.shape, at: "inputs", expected: "rank at most 8", got: "\(shape)")
    }
    return [TensorType(shape)]
  }

  func gradient(_ call: Call, upstream g: Value) throws(GraphError) -> [Value?] {
    let a = call.inputs[0], b = call.inputs[1], y = call.outputs[0]
    let pair: (Value?, Value?)
    switch function {
    case .add: pair = (g, g)
    case .subtract: pair = try (g, -g)
    case .multiply: pair = try (g * b, g * a)
    case .divide: pair = try (g / b, -(g * y / b))
    case .power:
      // d/db is a^b ln a; where a ≤ 0 it does not exist, and exponents are constants in practice.
      pair = try (g * b * a.apply(Binary(.power), b + -1), g * y * a.map(.abs).map(.log))
    case .maximum: pair = try (g * a.apply(Binary(.greaterOrEqual), b), g * (-a.apply(Binary(.greaterOrEqual), b) + 1))
    case .minimum: pair = try (g * b.apply(Binary(.greaterOrEqual), a), g * (-b.apply(Binary(.greaterOrEqual), a) + 1))
    case .reluGradient: pair = try (g.apply(Binary(.reluGradient), b), nil)
    case .less, .greaterOrEqual: pair = (nil, nil)
    }
    return try [pair.0?.summed(to: a.shape), pair.1?.summed(to: b.shape)]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let a = call.inputs[0], b = call.inputs[1], y = call.outputs[0]
    guard y.type.element == .float32 else { return lowerIntegers(call, into: &plan) }
    let shape = y.shape, function = function, count = shape.count
    if a.shape == shape, b.shape == shape,
      let layout = plan.elementwiseLayout([a, b], bfloat16: function == .add || function == .reluGradient)
    {
      let left = try plan.form(a, layout), right = try plan.form(b, layout), to = try plan.newForm(y, layout)
      let isHalf = layout.format == .bfloat16
      plan.step(slots: [left, right, to]) { memory in
        let first = memory.raw(left), second = memory.raw(right), target = memory.raw(to)
        func bound<T>(_: T.Type) -> (UnsafeMutablePointer<T>, UnsafePointer<T>, UnsafePointer<T>) {
          (
            target.assumingMemoryBound(to: T.self), UnsafePointer(first.assumingMemoryBound(to: T.self)),
            UnsafePointer(second.assumingMemoryBound(to: T.self))
          )
        }
        if isHalf {
          let (out, x, z) = bound(UInt16.self)
          return { Kernels.parallelBinary(function, out, x, z, count) }
        }
        let (out, x, z) = bound(Float.self)
        return { Kernels.parallelBinary(function, out, x, z, count) }
      }
      return
    }
    let strides = (a.shape.strides(broadcastTo: shape), b.shape.strides(broadcastTo: shape))
    guard count > 0 else { return }
    plan.step([a, b, y]) { memory in
      let x = memory.floats(a), z = memory.floats(b), to = memory.floats(y)
      if a.shape.count == count && b.shape.count == count {
        return { Kernels.parallelBinary(function, to, x, z, count) }
      }
      if a.shape.count == count && b.shape.count == 1 {
        return { Kernels.binary(function, to, x, number: z[0], count) }
      }
      let dims = shape.dimensions.map(Int64.init), left = strides.0.map(Int64.init), right = strides.1.map(Int64.init)
      return { Kernels.binary(function, to, x, z, dims, left, right) }
    }
  }
}
