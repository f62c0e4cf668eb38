import DitherBasics
import DitherTensor

/// The number of elements, as int64; known before anything runs.
/// - Source: ONNX `Size`, opsets 1–28.
struct Size: OnnxOp {
  static let onnx = OnnxName("Size", since: 1)
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType([], .int64, known: [Int64(try inputs.required(0, "data").shape.count)])]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {}
  func trainable(_ input: Int) -> Bool { false }
}
