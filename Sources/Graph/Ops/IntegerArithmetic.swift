import DitherBasics
import DitherTensor

// Arithmetic of integers: where exporters compute shapes it is done before anything runs, elsewhere as the graph runs.

extension Binary.Function {
  /// nil where the result is no integer of 64 bits, or the function is none of integers.
  func applied(_ x: Int64, _ y: Int64) -> Int64? {
    func checked(_ result: (partialValue: Int64, overflow: Bool)) -> Int64? {
      result.overflow ? nil : result.partialValue
    }
    switch self {
    case .add: return checked(x.addingReportingOverflow(y))
    case .subtract: return checked(x.subtractingReportingOverflow(y))
    case .multiply: return checked(x.multipliedReportingOverflow(by: y))
    case .divide: return checked(x.dividedReportingOverflow(by: y))
    case .maximum: return max(x, y)
    case .minimum: return min(x, y)
    case .power: return Self.power(x, y)
    case .less, .greaterOrEqual, .reluGradient: return nil
    }
  }

  private static func power(_ base: Int64, _ exponent: Int64) -> Int64? {
    if base == 0 || base == 1 || base == -1 || exponent < 0 {
      guard base != 0 || exponent >= 0 else { return nil }
      if base == -1 { return exponent & 1 == 0 ? 1 : -1 }
      return exponent == 0 || base == 1 ? 1 : 0
    }
    var result: Int64 = 1
    for _ in 0..<min(exponent, 64) {
      let (next, overflow) = result.multipliedReportingOverflow(by: base)
      guard !overflow else { return nil }
      result = next
    }
    return result
  }
}

extension BinaryFunction {
  /// - Returns: the type of the result on two integers; nil if an operand is none.
  func integerType(_ a: TensorType, _ b: TensorType) throws(GraphError) -> TensorType? {
    guard a.element == .int64, b.element == .int64, function.applied(1, 1) != nil else { return nil }
    guard let shape = Shape.broadcast(a.shape, b.shape), shape.rank <= 8 else {
      throw GraphError(.shape, at: "input 'B'", expected: "a shape that broadcasts with \(a.shape)", got: "\(b.shape)")
    }
    guard let x = a.known, let y = b.known, (shape.checkedCount ?? .max) <= Literal.knownLimit else {
      return TensorType(shape, .int64)
    }
    var known: [Int64] = []
    for (i, j) in zip(shape.indices(of: a.shape), shape.indices(of: b.shape)) {
      guard let value = function.applied(x[i], y[j]) else {
        throw GraphError(
          .attribute, at: "shape arithmetic", expected: "integers within 64 bits, and none divided by 0",
          got: "\(x[i]) and \(y[j])")
      }
      known.append(value)
    }
    return TensorType(shape, .int64, known: known)
  }

  /// Results that do not fit 64 bits become 0.
  func lowerIntegers(_ call: Call, into plan: inout PlanBuilder) {
    let a = call.inputs[0], b = call.inputs[1], y = call.outputs[0], function = function
    let broadcast = Broadcast(y.shape, of: [a.shape, b.shape])
    plan.step([a, b, y]) { memory in
      let x = memory.integers(a), z = memory.integers(b), to = memory.integers(y)
      return { broadcast.each { i, j, k in to[i] = function.applied(x[j], z[k]) ?? 0 } }
    }
  }
}

extension Unary.Function {
  /// nil where the function is none of integers. The least integer, which has no opposite, stays what it is.
  func applied(_ x: Int64) -> Int64? {
    switch self {
    case .negate: 0 &- x
    case .abs: x < 0 ? 0 &- x : x
    case .sign: x.signum()
    case .relu: max(x, 0)
    default: nil
    }
  }
}

extension UnaryFunction {
  /// - Returns: the type of the result on integers; nil if the operand is none.
  func integerType(_ x: TensorType) -> TensorType? {
    guard x.element == .int64, function.applied(1) != nil else { return nil }
    return TensorType(x.shape, .int64, known: x.known.map { $0.map { function.applied($0) ?? 0 } })
  }

  func lowerIntegers(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = y.shape.count, function = function
    plan.step([x, y]) { memory in
      let from = memory.integers(x), to = memory.integers(y)
      return { for i in 0..<count { to[i] = function.applied(from[i]) ?? 0 } }
    }
  }
}

extension PlanBuilder.Memory {
  func integers(_ value: Value) -> UnsafeMutablePointer<Int64> { raw(value).assumingMemoryBound(to: Int64.self) }
}
