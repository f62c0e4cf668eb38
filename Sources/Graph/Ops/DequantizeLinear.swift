import DitherBasics
import DitherTensor

/// `(x − x_zero_point) · x_scale`: one scale for all of x, one for each place of an axis, or one for each block along
/// it. A gradient passes to the scale. Of constants it is a constant: the reader puts the floats in its place.
/// - Shapes: x of integers, or of floats of 8 bits; scale and zero point of one number, of as many as x has on `axis`,
///   or of x's shape but for fewer places on `axis`.
/// - Source: ONNX `DequantizeLinear`, opsets 10–28, of integers of 4, 8 and 16 bits, int32 and floats of 8 bits.
struct DequantizeLinear: Composite {
  static let onnx = OnnxName("DequantizeLinear", since: 10)
  private let scheme: QuantizationScheme
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis", "block_size", "output_dtype")
    let given = try node.int("output_dtype", default: 0)
    guard [0, 1, 10].contains(given) else {
      throw GraphError(
        .unsupportedType, at: "\(node.place), attribute 'output_dtype'", expected: "1 (float) or 10 (float16)",
        got: "\(given)")
    }
    let type = node.storedInputs[0] ?? node.storedInputs[2] ?? .uint8
    guard ![.bfloat16, .uint32, .uint64].contains(type) else {
      throw GraphError(
        .unsupportedType, at: "\(node.place), input 'x'",
        expected: "integers of 4, 8 or 16 bits, int32 or floats of 8 bits", got: "\(type)")
    }
    scheme = try QuantizationScheme(node, type)
  }
  var leastOpset: Int { scheme.leastOpset(hasOutputType: false) }
  func write(to node: inout OnnxNode) { scheme.write(to: &node) }
  var storedInputs: [Int: StoredNumber] { [0: scheme.type, 2: scheme.type] }
  func trainable(_ input: Int) -> Bool { input == 1 }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.value(0, "x"), scale = try inputs.float(1, "x_scale")
    // Without a zero point a variable's own type says what it is.
    guard x.type.element == scheme.type.element || x.type.element == .float32 && !inputs.has(2) else {
      throw GraphError(
        .unsupportedType, at: "input 'x'", expected: "numbers of \(scheme.type)", got: "\(x.type.element)")
    }
    let (factor, zero) = try scheme.operands(x.shape, scale, inputs, "x_scale", "x_zero_point")
    let numbers = x.type.element == .float32 ? x : try x.apply(Cast(.float32))
    return [try (zero.map { zero throws(GraphError) in try numbers - zero } ?? numbers) * factor]
  }

  /// The floats that constants become: the same arithmetic, in the same precision.
  /// - Returns: nil where an operand is no constant, or does not fit: `expand` then says how.
  func folded(_ operands: [Literal?]) -> Tensor? {
    guard operands.count >= 2, let first = operands[0], case .float(let scale)? = operands[1], scale.count > 0,
      first.type.element == scheme.type.element
    else { return nil }
    let shape = first.type.shape, zeros: Literal? = operands.count > 2 ? operands[2] : nil
    guard zeros.map({ $0.type.element == scheme.type.element && $0.type.shape.count == scale.count }) ?? true,
      let place = places(shape, scale.shape)
    else { return nil }
    if case .float(let x) = first {
      if case .float(let zero)? = zeros, zero.elements.contains(where: { $0 != 0 }) { return nil }
      return Tensor(shape, x.elements.indices.map { x.elements[$0] * scale.elements[place($0)] })
    }
    guard case .int64(_, let x) = first else { return nil }
    guard case .int64(_, let zero)? = zeros else {
      return Tensor(shape, x.indices.map { Float(x[$0]) * scale.elements[place($0)] })
    }
    return Tensor(
      shape,
      x.indices.map { at in
        let own = place(at)
        return (Float(x[at]) - Float(zero[own])) * scale.elements[own]
      })
  }

  /// The scale that a number of x has, by its place; nil where the scales do not fit x.
  private func places(_ x: Shape, _ scale: Shape) -> ((Int) -> Int)? {
    if scheme.block > 0 {
      guard let (shape, axis) = try? scheme.blocks(of: x), scale == shape else { return nil }
      let inner = Shape(Array(x.dimensions[(axis + 1)...])).count, extent = x[axis], blocks = shape[axis]
      let block = scheme.block
      guard inner > 0, extent > 0 else { return nil }
      return { at in
        let along = at / inner
        return (along / extent * blocks + along % extent / block) * inner + at % inner
      }
    }
    guard scale.count > 1 else { return { _ in 0 } }
    guard scale.rank == 1, let axis = try? resolveAxis(scheme.axis, rank: x.rank), x[axis] == scale.count else {
      return nil
    }
    let inner = Shape(Array(x.dimensions[(axis + 1)...])).count, count = scale.count
    return inner > 0 ? { $0 / inner % count } : nil
  }
}
