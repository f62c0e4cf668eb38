import DitherBasics
import DitherTensor

/// `Y = alpha · A' · B' + beta · C`: the dense layer.
/// - Shapes: A' [M, K], B' [K, N], C broadcast to [M, N]; the result is [M, N].
/// - Source: ONNX `Gemm`, opsets 7–28.
struct Gemm: OnnxOp, Bounding {
  static let onnx = OnnxName("Gemm", since: 7)
  var alpha: Float = 1
  var beta: Float = 1
  var transposeA = false
  var transposeB = false
  /// Followed by a ReLU, done in the same step.
  private(set) var relu = false

  init(alpha: Float = 1, beta: Float = 1, transposeA: Bool = false, transposeB: Bool = false) {
    self.alpha = alpha
    self.beta = beta
    self.transposeA = transposeA
    self.transposeB = transposeB
  }

  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("alpha", "beta", "transA", "transB")
    alpha = try node.float("alpha", default: 1)
    beta = try node.float("beta", default: 1)
    transposeA = try node.flag("transA", default: false)
    transposeB = try node.flag("transB", default: false)
  }

  func write(to node: inout OnnxNode) {
    if alpha != 1 { node["alpha"] = .float(alpha) }
    if beta != 1 { node["beta"] = .float(beta) }
    if transposeA { node["transA"] = .int(1) }
    if transposeB { node["transB"] = .int(1) }
  }

  var weightInput: Int? { 1 }
  var weightChannels: Int { transposeB ? 0 : 1 }
  var weightFactor: Float { alpha }
  func operations(_ inputs: [TensorType?], _ outputs: [TensorType]) -> Double {
    guard let a = inputs.optional(0)?.shape, let y = outputs.first else { return 0 }
    return 2 * Double(y.shape.count) * Double(transposeA ? a[0] : a[1])
  }

  func absorb(_ next: ElementFunction) -> (any Op)? {
    guard next == .unary(.relu) else { return nil }
    var fused = self
    fused.relu = true
    return fused
  }

  func denseLayer(_ constants: [Tensor?], _ types: [TensorType?]) -> DenseLayer? {
    guard alpha == 1, beta == 1, !transposeA, constants.count > 1, let weights = constants[1] else { return nil }
    let bias = constants.count > 2 ? constants[2] : nil, hasBias = types.optional(2) != nil
    guard !hasBias || bias?.count == weights.shape[transposeB ? 0 : 1] else { return nil }
    return DenseLayer(input: 0, weights: transposeB ? weights : weights.transposed, bias: bias?.elements)
  }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let a = try inputs.float(0, "A", rank: 2...2), b = try inputs.float(1, "B", rank: 2...2)
    let (m, k) = transposeA ? (a[1], a[0]) : (a[0], a[1])
    let (inner, n) = transposeB ? (b[1], b[0]) : (b[0], b[1])
    guard k == inner else {
      throw GraphError(
        .shape, at: "input 'B'", expected: "\(k) along its \(transposeB ? "second" : "first") axis, as A has columns",
        got: "\(b)", advice: "check transA and transB")
    }
    let result: Shape = [m, n]
    if inputs.optional(2) != nil {
      let c = try inputs.float(2, "C", rank: 0...2)
      guard Shape.broadcast(c, result) == result else {
        throw GraphError(.shape, at: "input 'C'", expected: "a shape that broadcasts to \(result)", got: "\(c)")
      }
    }
    return [TensorType(result)]
  }

  func gradient(_ call: Call, upstream g: Value) throws(GraphError) -> [Value?] {
    let a = call.inputs[0], b = call.inputs[1]
    let dA =
      transposeA
      ? try b.apply(Gemm(alpha: alpha, transposeA: transposeB, transposeB: true), g)
      : try g.apply(Gemm(alpha: alpha, transposeB: !transposeB), b)
    let dB =
      transposeB
      ? try g.apply(Gemm(alpha: alpha, transposeA: true, transposeB: transposeA), a)
      : try a.apply(Gemm(alpha: alpha, transposeA: !transposeA), g)
    let dC = try call.inputs.optional(2).map { c throws(GraphError) in
      try (beta == 1 ? g : beta * g).summed(to: c.shape)
    }
    return [dA, dB, dC]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let a = call.inputs[0], b = call.inputs[1], c = call.inputs.optional(2), y = call.outputs[0]
    let m = y.shape[0], n = y.shape[1], k = transposeA ? a.shape[0] : a.shape[1]
    let isBias = c.map { beta == 1 && $0.shape.count == n && $0.shape.dimensions.last == n } ?? true
    if m > 1, !transposeA, alpha == 1, isBias, plan.isFixed(b) {
      try plan.multiply(a, b, c, into: y, m: m, n: n, k: k, transposed: transposeB, relu: relu)
      return
    }
    let op = self
    plan.step([a, b, c, y]) { memory in
      let left = memory.floats(a), right = memory.floats(b), to = memory.floats(y)
      let bias = c.map { memory.floats($0) }
      if m == 1 && !op.transposeA && op.alpha == 1 && isBias {
        return { Kernels.rowProduct(to, left, right, bias, k, n, transposed: op.transposeB, relu: op.relu) }
      }
      let first = Kernels.Matrix(left, rowStride: a.shape[1], isTransposed: op.transposeA)
      let second = Kernels.Matrix(right, rowStride: b.shape[1], isTransposed: op.transposeB)
      let spread = c.map { $0.shape.strides(broadcastTo: y.shape).map(Int64.init) }, dims = [Int64(m), Int64(n)]
      return {
        if let bias {
          if isBias {
            Kernels.fillRows(to, bias, m, n)
          } else if let spread {
            Kernels.copy(to, bias, dims, spread, size: 4)
            if op.beta != 1 { Kernels.scale(to, op.beta, m * n) }
          }
        }
        Kernels.product(to, first, second, m, n, k, alpha: op.alpha, beta: bias == nil ? 0 : 1)
        if op.relu { Kernels.unary(.relu, to, to, m * n) }
      }
    }
  }

  // A' · (W + N) is A' · W + ‖row of A'‖ · one normal per output.
  func takesExactNoise(_ inputs: [TensorType?]) -> Bool { !transposeA }
  func exactDeviation(_ call: Call, _ term: NoiseTerm, _ learned: Value?) throws(GraphError) -> Value? {
    try denseDeviation(call.inputs[0], call.inputs[1], transposeB: transposeB, term, learned, factor: abs(alpha))
  }

  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    guard !transposeA else { throw call.refused("A as it is", "its transpose") }
    let x = try call.operand(0), w = try call.constant(1), c = try call.optionalConstant(2)
    var absolute = self
    (absolute.alpha, absolute.beta) = (abs(alpha), abs(beta))
    let products = x.center.shape[1] + 1
    let radius = try call.builder.apply(
      absolute,
      [
        x.widened(products), call.magnitude(w),
        c.map { c throws(GraphError) in try call.magnitude(c, times: Bounds.slack(products)) },
      ])[
        0]
    return try Bounds(center: try call.replay([x.center, w, c]), radius: radius + Bounds.least)
  }
}

extension PlanBuilder {
  /// y [m, n] = x [m, k] w + bias, then ReLU; w is constant, [k, n] or as a transpose [n, k].
  mutating func multiply(
    _ x: Value, _ w: Value, _ bias: Value?, into y: Value, m: Int, n: Int, k: Int, transposed: Bool, relu: Bool = false
  ) throws(GraphError) {
    let options = Kernel.ProductOptions(kernelFormat, hasBias: bias != nil, relu: relu)
    // oneDNN divides the sums of small results among threads: no number may depend on how many there are.
    let isSingle = m <= 64 && n <= 256
    let kernel = try kernel(isSingle: isSingle) { () throws(KernelError) in try Kernel(product: m, n, k, options) }
    guard let weights = try packedMatrix(w, kernel.layout(.w), transposed: transposed) else {
      throw GraphError(.kernel, at: "a dense layer", expected: "constant weights to pack", got: "others")
    }
    let input = kernelFormat == .float32 ? try plain(x) : try form(x, kernel.layout(.x))
    var operands: [(Kernel.Operand, Slot)] = [(.x, input), (.w, weights), (.y, try plain(y))]
    if let bias { operands.append((.bias, try plain(bias))) }
    run(kernel, operands, isSingle: isSingle)
  }
}

/// The standard deviation at a dense layer's outputs for Gaussian noise on its weights: [M, 1], or [M, N] where each
/// weight has its own.
func denseDeviation(
  _ x: Value, _ w: Value, transposeB: Bool, _ term: NoiseTerm, _ learned: Value?, factor: Float
) throws(GraphError) -> Value {
  let sigma = term.sigma ?? 0
  if let learned {
    return try sigma * factor * denseDeviation(x, of: term.scaled(learned, by: w), w.shape, transposeB: transposeB)
  }
  switch term.scale {
  case .absolute: return try sigma * factor * x.apply(RowNorms())
  case .relativeToLayer: return try (sigma * factor * w.apply(StandardDeviation())) * x.apply(RowNorms())
  case .relative:
    let variance = try x.map(.square).apply(Gemm(transposeB: transposeB), w.map(.square))
    return try sigma * factor * variance.map(.squareRoot)
  }
}

/// The same for weights of these deviations, of a shape that broadcasts to theirs.
private func denseDeviation(_ x: Value, of own: Value, _ weights: Shape, transposeB: Bool) throws(GraphError) -> Value {
  guard own.shape == weights, own.shape.count > 1 else {
    // By layer or by channel: a row's norm times the channel's.
    return try x.apply(RowNorms()) * own.viewed(as: [1, own.shape.count])
  }
  let variance = try x.map(.square).apply(Gemm(transposeB: transposeB), own.map(.square))
  // A row of zeros has no slope, as in RowNorms.
  return try (variance + 1e-30).map(.squareRoot)
}
