import DitherBasics
import DitherTensor

/// `(x − x_zero_point) · x_scale`: one scale for all of x, or one for each place of an axis. A gradient passes to the
/// scale. Of constants it is a constant: the reader puts the floats in its place.
/// - Shapes: x of integers; scale and zero point of one number, or of as many as x has on `axis`.
/// - Source: ONNX `DequantizeLinear`, opsets 10–28, of int8, uint8, int16, uint16 and int32.
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
    scheme = try QuantizationScheme(node, node.storedInputs[0] ?? node.storedInputs[2] ?? .uint8)
  }
  var leastOpset: Int { scheme.leastOpset(hasOutputType: false) }
  func write(to node: inout OnnxNode) { scheme.write(to: &node) }
  var storedInputs: [Int: StoredInteger] { [0: scheme.type, 2: scheme.type] }
  func trainable(_ input: Int) -> Bool { input == 1 }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.value(0, "x"), scale = try inputs.float(1, "x_scale")
    guard x.type.element == .int64 else {
      throw GraphError(.unsupportedType, at: "input 'x'", expected: "integers", got: "\(x.type.element)")
    }
    let (factor, zero) = try scheme.operands(x.shape, scale, inputs, "x_scale", "x_zero_point")
    let numbers = try x.apply(Cast(.float32))
    return [try (zero.map { zero throws(GraphError) in try numbers - zero } ?? numbers) * factor]
  }

  /// The floats that constants become: the same arithmetic, in the same precision.
  /// - Returns: nil where an operand is no constant, or does not fit: `expand` then says how.
  func folded(_ operands: [Literal?]) -> Tensor? {
    guard operands.count >= 2, case .int64(let shape, let x)? = operands[0], case .float(let scale)? = operands[1],
      scale.count > 0
    else { return nil }
    var zeros = [Int64](repeating: 0, count: scale.count)
    if operands.count > 2, let last = operands[2] {
      guard case .int64(_, let found) = last, found.count == scale.count else { return nil }
      zeros = found
    }
    var inner = shape.count
    if scale.count > 1 {
      guard scale.shape.rank == 1, let axis = try? resolveAxis(scheme.axis, rank: shape.rank),
        shape[axis] == scale.count
      else { return nil }
      inner = Shape(Array(shape.dimensions[(axis + 1)...])).count
    }
    guard inner > 0 else { return nil }
    return Tensor(
      shape,
      x.indices.map { at in
        let place = at / inner % scale.count
        return (Float(x[at]) - Float(zeros[place])) * scale.elements[place]
      })
  }
}
