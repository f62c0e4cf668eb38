import DitherBasics
import DitherTensor

/// The logarithm of the sum of exponentials over axes, from the largest element on, so that none overflows.
/// - Source: ONNX `ReduceLogSumExp`, opsets 1–28.
struct ReduceLogSumExp: Composite {
  static let onnx = OnnxName("ReduceLogSumExp", since: 1)
  var takesEmpty: Bool { true }
  private let axes: ReducedAxes
  init(_ node: OnnxNode) throws(GraphError) { axes = try ReducedAxes(node, inputSince: 18) }
  func write(to node: inout OnnxNode) { axes.write(to: &node) }
  var leastOpset: Int { axes.leastOpset(Self.onnx.since) }
  func trainable(_ input: Int) -> Bool { input == 0 }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "data", rank: 0...8), (kept, result) = try axes.shapes(x.shape, inputs.types)
    let reduced = x.shape.dimensions.indices.filter { kept[$0] != x.shape[$0] }
    guard !reduced.isEmpty else { return try [x.viewed(as: result).copied()] }
    // Infinite elements stay what they are: a difference of two would be no number.
    let largest = try x.apply(ReduceMax(ReducedAxes(reduced)))
      .apply(Binary(.maximum), builder.scalar(-.greatestFiniteMagnitude))
      .apply(Binary(.minimum), builder.scalar(.greatestFiniteMagnitude))
    return try [((x - largest).map(.exp).summed(to: kept).map(.log) + largest).viewed(as: result)]
  }
}
