import DitherBasics
import DitherTensor

/// `x / y_scale` rounded, halves to even, `+ y_zero_point`, and held to the range of the zero point's integers: one
/// scale for all of x, or one for each place of an axis. Constant between its steps: no gradient passes, not even
/// "straight through".
/// - Shapes: scale and zero point of one number, or of as many as x has on `axis`; the result is int64, of x's shape.
/// - Source: ONNX `QuantizeLinear`, opsets 10–28, to int8, uint8, int16 and uint16; Jacob et al. 2018, arXiv
///   1712.05877.
struct QuantizeLinear: Composite {
  static let onnx = OnnxName("QuantizeLinear", since: 10)
  private let scheme: QuantizationScheme
  private let hasOutputType: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis", "block_size", "output_dtype", "precision", "saturate")
    let given = try node.int("output_dtype", default: 0)
    hasOutputType = given != 0
    guard let target = given == 0 ? node.storedInputs[2] ?? .uint8 : StoredInteger(onnx: given), target != .int32 else {
      throw GraphError(
        .unsupportedType, at: "\(node.place), attribute 'output_dtype' or input 'y_zero_point'",
        expected: "int8, uint8, int16 or uint16", got: "element type \(given == 0 ? 6 : given)",
        advice: "quantize to 8 bits")
    }
    scheme = try QuantizationScheme(node, target)
  }
  var leastOpset: Int { scheme.leastOpset(hasOutputType: hasOutputType) }
  func write(to node: inout OnnxNode) {
    scheme.write(to: &node)
    if hasOutputType { node["output_dtype"] = .int(Int64(scheme.type.onnx)) }
  }
  var storedInputs: [Int: StoredInteger] { [2: scheme.type] }
  func trainable(_ input: Int) -> Bool { false }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "x"), scale = try inputs.float(1, "y_scale")
    let (factor, zero) = try scheme.operands(x.shape, scale, inputs, "y_scale", "y_zero_point")
    var steps = try (x / factor).map(.round)
    if let zero { steps = try steps + zero }
    let range = scheme.type.range
    let held = try steps.apply(Binary(.maximum), builder.scalar(Float(range.lowerBound)))
      .apply(Binary(.minimum), builder.scalar(Float(range.upperBound)))
    return [try held.apply(Cast(.int64))]
  }
}
