import DitherBasics
import DitherTensor

/// The product over axes, of floats or integers: converters from TensorFlow count elements so.
/// - Source: ONNX `ReduceProd`, opsets 1–28.
struct ReduceProd: Composite, OverAxes {
  static let onnx = OnnxName("ReduceProd", since: 1)
  let axes: ReducedAxes
  init(_ axes: ReducedAxes) { self.axes = axes }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.value(0, "data"), (kept, result) = try axes.shapes(x.shape, inputs.types)
    guard x.shape.rank <= 8, x.type.element != .bool else {
      throw GraphError(
        .unsupportedType, at: "input 'data'", expected: "float32 or int64, of rank at most 8", got: "\(x.type)")
    }
    guard x.shape.count > 0 else {  // of nothing: 1
      return [
        builder.constant(
          x.type.element == .int64
            ? .int64(result, [Int64](repeating: 1, count: result.count)) : .float(Tensor(result, repeating: 1)))
      ]
    }
    let all = x.shape.dimensions.indices
    let order = all.filter { kept[$0] == x.shape[$0] } + all.filter { kept[$0] != x.shape[$0] }
    var factors = try x.apply(Transpose(order)).viewed(as: [kept.count, x.shape.count / kept.count])
    var product: Value?
    // Halves by halves, so that there are few nodes and the gradient is exact where factors are 0.
    while factors.shape[1] > 1 {
      let length = factors.shape[1] / 2
      func part(_ start: Int, _ count: Int) throws(GraphError) -> Value {
        var region = Region(factors.shape)
        (region.starts[1], region.counts[1]) = (start, count)
        return try factors.apply(Cut(region))
      }
      if factors.shape[1] % 2 == 1 {
        let odd = try part(2 * length, 1)
        product = try product.map { done throws(GraphError) in try done.apply(Binary(.multiply), odd) } ?? odd
      }
      factors = try part(0, length).apply(Binary(.multiply), part(length, length))
    }
    let whole = try product.map { done throws(GraphError) in try factors.apply(Binary(.multiply), done) } ?? factors
    return try [whole.viewed(as: result).copied()]
  }
}
