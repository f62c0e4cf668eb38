import DitherTensor

/// How operands are read that are broadcast to one shape, without an index for every element: these could be many.
struct Broadcast: Sendable {
  private let shape: Shape
  /// By operand, by axis.
  private let strides: [[Int]]

  init(_ shape: Shape, of operands: [Shape]) {
    self.shape = shape
    strides = operands.map { $0.strides(broadcastTo: shape) }
  }

  /// Calls `body` with each row's first index in the result, and the operands' first indices and steps along it.
  private func eachRow(_ body: (Int, [Int], [Int]) -> Void) {
    let count = shape.count, inner = shape.dimensions.last ?? 1
    guard count > 0 else { return }
    var offsets = [Int](repeating: 0, count: strides.count), counters = [Int](repeating: 0, count: shape.rank)
    let steps = strides.map { $0.last ?? 0 }
    for start in stride(from: 0, to: count, by: inner) {
      body(start, offsets, steps)
      var axis = shape.rank - 2
      while axis >= 0 {
        counters[axis] += 1
        for operand in strides.indices { offsets[operand] += strides[operand][axis] }
        if counters[axis] < shape[axis] { break }
        counters[axis] = 0
        for operand in strides.indices { offsets[operand] -= strides[operand][axis] * shape[axis] }
        axis -= 1
      }
    }
  }

  /// `body` gets an index in the result and those of two operands.
  @inline(__always)
  func each(_ body: (Int, Int, Int) -> Void) {
    let inner = shape.dimensions.last ?? 1
    eachRow { start, offsets, steps in
      for i in 0..<inner { body(start + i, offsets[0] + i * steps[0], offsets[1] + i * steps[1]) }
    }
  }

  /// The same for three operands.
  @inline(__always)
  func each(_ body: (Int, Int, Int, Int) -> Void) {
    let inner = shape.dimensions.last ?? 1
    eachRow { start, offsets, steps in
      for i in 0..<inner {
        body(start + i, offsets[0] + i * steps[0], offsets[1] + i * steps[1], offsets[2] + i * steps[2])
      }
    }
  }
}
