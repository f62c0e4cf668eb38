import DitherBasics
import DitherTensor

/// The extents of a value, as int64: where exporters' shape arithmetic starts. Known before anything runs.
/// - Source: ONNX `Shape`, opsets 1–28.
struct ShapeOf: OnnxOp {
  static let onnx = OnnxName("Shape", since: 1)
  private var start = 0
  private var end: Int?
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("start", "end")
    start = try node.int("start", default: 0)
    end = try node.int("end")
  }
  func write(to node: inout OnnxNode) {
    if start != 0 { node["start"] = .int(Int64(start)) }
    if let end { node["end"] = .int(Int64(end)) }
  }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let shape = try inputs.required(0, "data").shape
    func clamped(_ axis: Int) -> Int { Swift.min(Swift.max(axis < 0 ? axis + shape.rank : axis, 0), shape.rank) }
    let from = clamped(start), to = Swift.max(clamped(end ?? shape.rank), from)
    let extents = shape.dimensions[from..<to].map(Int64.init)
    return [TensorType([extents.count], .int64, known: extents)]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {}
  func trainable(_ input: Int) -> Bool { false }
}
