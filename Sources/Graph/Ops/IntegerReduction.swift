import DitherTensor

/// Sums and extremes of integers and truth values, over the axes along which `kept` has extent 1.
enum IntegerReduction: Sendable {
  case sum, maximum, minimum

  private func combine(_ a: Int64, _ b: Int64) -> Int64 {
    switch self {
    case .sum: a &+ b
    case .maximum: max(a, b)
    case .minimum: min(a, b)
    }
  }
  /// The result of a reduction of nothing.
  private func start(_ element: ElementType) -> Int64 {
    switch self {
    case .sum: 0
    case .maximum: element == .bool ? 0 : .min
    case .minimum: element == .bool ? 1 : .max
    }
  }

  /// - Returns: the result's type; nil where the operand is of floats, or of truth values to be added.
  func type(_ x: TensorType, kept: Shape, result: Shape) -> TensorType? {
    guard x.element == .int64 || (x.element == .bool && self != .sum), x.shape.rank <= 8 else {
      return nil
    }
    guard let known = x.known else { return TensorType(result, x.element) }
    var values = [Int64](repeating: start(x.element), count: kept.count)
    for (i, place) in x.shape.indices(of: kept).enumerated() { values[place] = combine(values[place], known[i]) }
    return TensorType(result, x.element, known: values)
  }

  func lower(_ x: Value, to y: Value, kept: Shape, into plan: inout PlanBuilder) {
    let broadcast = Broadcast(x.shape, of: [kept, kept]), count = y.shape.count, isBool = x.type.element == .bool
    plan.step([x, y]) { memory in
      if isBool {
        let from = memory.raw(x).assumingMemoryBound(to: UInt8.self)
        let to = memory.raw(y).assumingMemoryBound(to: UInt8.self), first: UInt8 = self == .minimum ? 1 : 0
        return {
          to.update(repeating: first, count: count)
          broadcast.each { i, j, _ in to[j] = UInt8(truncatingIfNeeded: combine(Int64(to[j]), Int64(from[i]))) }
        }
      }
      let from = memory.integers(x), to = memory.integers(y)
      let first = start(.int64)
      return {
        to.update(repeating: first, count: count)
        broadcast.each { i, j, _ in to[j] = combine(to[j], from[i]) }
      }
    }
  }
}
