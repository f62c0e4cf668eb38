import CKernels
import DitherBasics
import DitherTensor

/// Axes in another order; reversed if none is named.
/// - Source: ONNX `Transpose`, opsets 1–21.
struct Transpose: OnnxOp {
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
    let data = try inputs.float(0, "data", rank: 0...8), order = order(data.rank)
    guard order.sorted() == Array(0..<data.rank) else {
      throw GraphError(
        .attribute, at: "attribute 'perm'", expected: "each axis of \(data) once", got: "\(order)")
    }
    return [TensorType(Shape(order.map { data[$0] }))]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] {
    let order = order(call.inputs[0].shape.rank)
    return [upstream.apply(Transpose(order.indices.map { i in order.firstIndex(of: i) ?? i }))]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], order = order(x.shape.rank)
    let dims = y.shape.dimensions.map(Int64.init), strides = order.map { Int64(x.shape.strides[$0]) }
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return { dk_copy_strided(to, from, Int32(dims.count), dims, strides, 4) }
    }
  }
}
