import DitherBasics
import DitherTensor

/// Axes in another order; reversed if none is named.
/// - Source: ONNX `Transpose`, opsets 1–28.
struct Transpose: OnnxOp, Rearranging {
  static let onnx = OnnxName("Transpose", since: 1)
  private var permutation: [Int]?
  init(_ permutation: [Int]) { self.permutation = permutation }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("perm")
    permutation = try node.ints("perm")
  }
  func write(to node: inout OnnxNode) { if let permutation { node["perm"] = .ints(permutation.map(Int64.init)) } }

  private func order(_ rank: Int) -> [Int] { permutation ?? Array((0..<rank).reversed()) }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data"), order = order(data.shape.rank)
    guard order.count <= 8, order.sorted() == Array(0..<data.shape.rank) else {
      throw GraphError(
        .attribute, at: "attribute 'perm'", expected: "each axis of \(data) once, at most 8", got: "\(order)")
    }
    let shape = Shape(order.map { data.shape[$0] }), strides = order.map { data.shape.strides[$0] }
    return [data.rearranged(shape) { shape.indices(strides: strides) }]
  }
  func rows(_ call: RowsCall) -> RowFacts? {
    guard let shape = call.type(0)?.shape, shape.isBatch, call.result.shape.isBatch, var facts = call[0] else {
      return nil
    }
    let long = order(shape.rank).filter { shape[$0] > 1 }
    guard long != long.sorted() else { return facts }
    // The same numbers in another order.
    guard order(shape.rank).first == 0 else { return nil }
    (facts.logarithm, facts.relation, facts.source) = (nil, nil, call.output)
    return facts
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let order = order(call.inputs[0].shape.rank)
    return try [upstream.apply(Transpose(order.indices.map { i in order.firstIndex(of: i) ?? i }))]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], order = order(x.shape.rank)
    let dims = y.shape.dimensions.map(Int64.init), strides = order.map { Int64(x.shape.strides[$0]) }
    let size = y.type.element.byteCount
    plan.step([x, y]) { memory in
      let from = memory.raw(x), to = memory.raw(y)
      return { Kernels.copy(to, from, dims, strides, size: size) }
    }
  }
}
