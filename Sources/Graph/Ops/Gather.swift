import DitherBasics
import DitherTensor

/// Slices of `data` along an axis, by index: embeddings, and the picking of extents out of shapes.
/// - Source: ONNX `Gather`, opsets 1–28.
struct Gather: OnnxOp, Lookup {
  static let onnx = OnnxName("Gather", since: 1)
  let axis: Int
  var table: Int { 0 }
  var rowNumbers: Int? { axis == 0 ? 1 : nil }
  init(axis: Int) { self.axis = axis }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis")
    axis = try node.int("axis", default: 0)
  }
  func write(to node: inout OnnxNode) { if axis != 0 { node["axis"] = .int(Int64(axis)) } }
  var isIndexed: Bool { true }
  func trainable(_ input: Int) -> Bool { input == 0 }

  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    input == 0 && (try? resolveAxis(self.axis, rank: types.rank(0))) == axis
  }

  /// Some classes, or all in another order.
  func rows(_ call: RowsCall) -> RowFacts? {
    guard let facts = call[0], facts.form != .negatives, let shape = call.type(0)?.shape, shape.isBatch,
      call.result.shape.isBatch, let axis = try? resolveAxis(axis, rank: shape.rank), axis == shape.onlyAxis,
      let known = call.type(1)?.known
    else { return nil }
    return call.picked(facts, known.map { Int($0 < 0 ? $0 + Int64(shape[axis]) : $0) }, of: shape[axis])
  }

  /// Where it picks from an operand of that rank.
  private func pick(rank: Int) throws(GraphError) -> Pick { Pick(kind: .slices(try resolveAxis(axis, rank: rank))) }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data")
    guard data.shape.rank > 0 else {
      throw GraphError(.shape, at: "input 'data'", expected: "an axis to pick from", got: "\(data)")
    }
    return try pick(rank: data.shape.rank).types(inputs)
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try pick(rank: call.inputs[0].shape.rank).gradient(call, upstream: upstream)
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    try pick(rank: call.inputs[0].shape.rank).lower(call, into: &plan)
  }
}
