import DitherTensor

/// The logarithm of the sum of exponentials over axes, from the largest element on, so that none overflows.
/// - Source: ONNX `ReduceLogSumExp`, opsets 1–28.
struct ReduceLogSumExp: AxesReduction {
  static let onnx = OnnxName("ReduceLogSumExp", since: 1)
  let axes: ReducedAxes
  init(_ axes: ReducedAxes) { self.axes = axes }
  func reduced(_ x: Value, to kept: Shape) throws(GraphError) -> Value {
    let reduced = x.shape.dimensions.indices.filter { kept[$0] != x.shape[$0] }
    guard !reduced.isEmpty else { return try x.copied() }
    // Infinite elements stay what they are: a difference of two would be no number.
    let largest = try x.apply(ReduceMax(ReducedAxes(reduced)))
      .apply(Binary(.maximum), x.builder.scalar(-.greatestFiniteMagnitude))
      .apply(Binary(.minimum), x.builder.scalar(.greatestFiniteMagnitude))
    return try (x - largest).map(.exp).summed(to: kept).map(.log) + largest
  }
}
