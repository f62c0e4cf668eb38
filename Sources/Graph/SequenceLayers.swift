import DitherTensor

/// Layers of networks for texts, each the op of ONNX that says the same.
extension GraphBuilder {
  /// Rows of a table [words, D] by numbers that travel as floats: [batch, L] to [batch, L, D].
  public func embedding(_ numbers: Value, _ table: Value, name: String) throws(GraphError) -> Value {
    let indices = try apply(Cast(.int64), [numbers], name: "\(name).numbers")[0]
    return try apply(Gather(axis: 0), [table, indices], name: name)[0]
  }
  /// [batch, L, D] to [batch, D, L].
  public func channelsFirst(_ x: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(Transpose([0, 2, 1]), [x], name: name)[0]
  }
  /// x [batch, in, L], weight [out, in, width], bias [out]: [batch, out, L − width + 1].
  public func sequenceConvolution(
    _ x: Value, _ weight: Value, _ bias: Value?, name: String? = nil
  ) throws(GraphError) -> Value {
    var convolution = Conv()
    convolution.window = Window()
    return try apply(convolution, [x, weight, bias], name: name)[0]
  }
  /// The largest value of each channel: [batch, C, L] to [batch, C].
  public func maxOverTime(_ x: Value, name: String? = nil) throws(GraphError) -> Value {
    try flatten(apply(ReduceMax(ReducedAxes([2])), [x], name: name)[0])
  }
  /// Side by side: [batch, a], [batch, b], … to [batch, a + b + …].
  public func concatenate(_ parts: [Value], name: String? = nil) throws(GraphError) -> Value {
    try apply(Concat(axis: 1), parts.map { $0 }, name: name)[0]
  }
}
