import DitherBasics
import DitherTensor

/// `x / y_scale` rounded, halves to even, `+ y_zero_point`, and held to the range of the zero point's integers: one
/// scale for all of x, one for each place of an axis, or one for each block along it. Constant between its steps: no
/// gradient passes, not even "straight through".
/// - Shapes: scale and zero point of one number, of as many as x has on `axis`, or of x's shape but for fewer places on
///   `axis`; the result is of x's shape, int64, or float32 where it is quantized to floats of 8 bits.
/// - Source: ONNX `QuantizeLinear`, opsets 10–28, to integers of 4, 8 and 16 bits and to floats of 8; Jacob et al.
///   2018, arXiv 1712.05877.
struct QuantizeLinear: Composite {
  static let onnx = OnnxName("QuantizeLinear", since: 10)
  private let scheme: QuantizationScheme
  private let hasOutputType: Bool
  private let saturates: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis", "block_size", "output_dtype", "precision", "saturate")
    let given = try node.int("output_dtype", default: 0)
    hasOutputType = given != 0
    let stored = given == 0 ? node.storedInputs[2] ?? .uint8 : StoredNumber(onnx: given)
    let targets: [StoredNumber] = [.uint4, .int4, .uint8, .int8, .uint16, .int16]
    guard let target = stored, targets.contains(target) || target.float8 != nil else {
      throw GraphError(
        .unsupportedType, at: "\(node.place), attribute 'output_dtype' or input 'y_zero_point'",
        expected: "integers of 4, 8 or 16 bits, or floats of 8", got: "element type \(stored?.onnx ?? given)",
        advice: "quantize to 8 bits")
    }
    saturates = try node.flag("saturate", default: true)
    scheme = try QuantizationScheme(node, target)
  }
  var leastOpset: Int { scheme.leastOpset(hasOutputType: hasOutputType) }
  func write(to node: inout OnnxNode) {
    scheme.write(to: &node)
    if hasOutputType { node["output_dtype"] = .int(Int64(scheme.type.onnx)) }
    if !saturates { node["saturate"] = .int(0) }
  }
  var storedInputs: [Int: StoredNumber] { [2: scheme.type] }
  func trainable(_ input: Int) -> Bool { false }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "x"), scale = try inputs.float(1, "y_scale")
    let (factor, zero) = try scheme.operands(x.shape, scale, inputs, "y_scale", "y_zero_point")
    guard let range = scheme.type.integers else {
      return [try (x / factor).apply(Cast(scheme.type, saturates: saturates))]
    }
    var steps = try (x / factor).map(.round)
    if let zero { steps = try steps + zero }
    let held = try steps.apply(Binary(.maximum), builder.scalar(Float(range.lowerBound)))
      .apply(Binary(.minimum), builder.scalar(Float(range.upperBound)))
    return [try held.apply(Cast(.int64))]
  }
}
