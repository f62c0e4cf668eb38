import DitherBasics
import DitherTensor

/// NumPy's `matmul`: products of the last two axes, the others broadcast.
/// - Source: ONNX `MatMul`, opsets 9–28.
struct MatMul: OnnxOp, Bounding {
  static let onnx = OnnxName("MatMul", since: 1)
  /// Used by gradients: operands whose last two axes are swapped.
  private(set) var transposeA = false
  private(set) var transposeB = false

  init() {}
  init(transposeA: Bool, transposeB: Bool) {
    self.transposeA = transposeA
    self.transposeB = transposeB
  }
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}

  var weightInput: Int? { 1 }
  /// The last; [K] has one channel, which no axis stands for.
  var weightChannels: Int { transposeB ? 0 : 1 }
  func operations(_ inputs: [TensorType?], _ outputs: [TensorType]) -> Double {
    guard let a = inputs.optional(0)?.shape, let y = outputs.first else { return 0 }
    return 2 * Double(y.shape.count) * Double(a[a.rank - (transposeA && a.rank > 1 ? 2 : 1)])
  }

  func denseLayer(_ constants: [Tensor?], _ types: [TensorType?]) -> DenseLayer? {
    guard !transposeA, !transposeB, types.optional(0)?.shape.rank == 2, constants.count > 1, let weights = constants[1],
      weights.shape.rank == 2
    else { return nil }
    return DenseLayer(input: 0, weights: weights.transposed, bias: nil)
  }

  private struct Extents {
    var batch: Shape, m: Int, k: Int, n: Int
  }

  private func extents(_ a: Shape, _ b: Shape) throws(GraphError) -> Extents {
    let (m, k) = transposeA ? (a[a.rank - 1], a[a.rank - 2]) : (a[a.rank - 2], a[a.rank - 1])
    let (inner, n) = transposeB ? (b[b.rank - 1], b[b.rank - 2]) : (b[b.rank - 2], b[b.rank - 1])
    guard k == inner, let batch = Shape.broadcast(Shape(a.dimensions.dropLast(2)), Shape(b.dimensions.dropLast(2)))
    else { throw GraphError(.shape, at: "input 'B'", expected: "a shape to multiply \(a) with", got: "\(b)") }
    return Extents(batch: batch, m: m, k: k, n: n)
  }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    var a = try inputs.float(0, "A", rank: 1...6), b = try inputs.float(1, "B", rank: 1...6)
    let vectorA = a.rank == 1, vectorB = b.rank == 1
    if vectorA { a = [1, a[0]] }
    if vectorB { b = [b[0], 1] }
    let e = try extents(a, b)
    return [TensorType(Shape(e.batch.dimensions + (vectorA ? [] : [e.m]) + (vectorB ? [] : [e.n])))]
  }

  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let a = call.inputs[0], b = call.inputs[1]
    let wideA = a.shape.rank == 1 ? try a.viewed(as: [1, a.shape[0]]) : a
    let wideB = b.shape.rank == 1 ? try b.viewed(as: [b.shape[0], 1]) : b
    let e = try extents(wideA.shape, wideB.shape)
    let g = try upstream.viewed(as: Shape(e.batch.dimensions + [e.m, e.n]))
    let dA =
      transposeA
      ? try wideB.apply(MatMul(transposeA: transposeB, transposeB: true), g)
      : try g.apply(MatMul(transposeA: false, transposeB: !transposeB), wideB)
    let dB =
      transposeB
      ? try g.apply(MatMul(transposeA: true, transposeB: transposeA), wideA)
      : try wideA.apply(MatMul(transposeA: !transposeA, transposeB: false), g)
    return try [
      dA.summed(to: wideA.shape).viewed(as: a.shape), dB.summed(to: wideB.shape).viewed(as: b.shape),
    ]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let a = call.inputs[0], b = call.inputs[1], y = call.outputs[0]
    let shapeA: Shape = a.shape.rank == 1 ? [1, a.shape[0]] : a.shape
    let shapeB: Shape = b.shape.rank == 1 ? [b.shape[0], 1] : b.shape
    var e = try extents(shapeA, shapeB)
    var batch = e.batch
    var offsetsA: [Int], offsetsB: [Int]
    if shapeB.rank == 2 && !transposeA {
      // One product: all leading axes of A are rows.
      e.m *= batch.count
      batch = []
      offsetsA = [0]
      offsetsB = [0]
    } else {
      offsetsA = Self.offsets(Shape(shapeA.dimensions.dropLast(2)), in: batch, each: e.m * e.k)
      offsetsB = Self.offsets(Shape(shapeB.dimensions.dropLast(2)), in: batch, each: e.k * e.n)
    }
    if batch.rank == 0, shapeB.rank == 2, !transposeA, e.m > 1, a.shape.rank == 2, plan.isFixed(b) {
      try plan.multiply(a, b, nil, into: y, m: e.m, n: e.n, k: e.k, transposed: transposeB)
      return
    }
    let (m, n, k) = (e.m, e.n, e.k), size = e.m * e.n, transposeA = transposeA, transposeB = transposeB
    plan.step([a, b, y]) { memory in
      let left = memory.floats(a), right = memory.floats(b), to = memory.floats(y)
      if m == 1 && offsetsA.count == 1 && !transposeA {
        return { Kernels.rowProduct(to, left, right, nil, k, n, transposed: transposeB) }
      }
      return {
        for i in offsetsA.indices {
          let first = Kernels.Matrix(left + offsetsA[i], rowStride: transposeA ? m : k, isTransposed: transposeA)
          let second = Kernels.Matrix(right + offsetsB[i], rowStride: transposeB ? k : n, isTransposed: transposeB)
          Kernels.product(to + i * size, first, second, m, n, k)
        }
      }
    }
  }

  /// Where each matrix of the broadcast batch starts.
  private static func offsets(_ own: Shape, in batch: Shape, each: Int) -> [Int] {
    let strides = own.strides(broadcastTo: batch), whole = batch.strides
    return (0..<batch.count).map { index in
      each * (0..<batch.rank).reduce(0) { $0 + (index / whole[$1]) % batch[$1] * strides[$1] }
    }
  }

  func takesExactNoise(_ inputs: [TensorType?]) -> Bool {
    inputs.optional(0)?.shape.rank == 2 && inputs.optional(1)?.shape.rank == 2 && !transposeA
  }
  func exactDeviation(_ call: Call, _ term: NoiseTerm, _ learned: Value?) throws(GraphError) -> Value? {
    try denseDeviation(call.inputs[0], call.inputs[1], transposeB: transposeB, term, learned, factor: 1)
  }

  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    let a = try call.operand(0), b = try call.operand(1)
    guard a.radius == nil || b.radius == nil else { throw call.refused("a constant factor", "none") }
    let products = a.center.shape[a.center.shape.rank - 1]
    func factor(_ operand: Bounds) throws(GraphError) -> Value {
      operand.radius == nil ? try call.magnitude(operand.center) : try operand.widened(products)
    }
    let radius = try call.builder.apply(self, [factor(a), factor(b)])[0]
    return try Bounds(center: try call.replay([a.center, b.center]), radius: radius + Bounds.least)
  }
}
