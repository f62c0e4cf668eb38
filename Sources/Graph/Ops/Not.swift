import DitherBasics
import DitherTensor

/// The other truth value, element by element.
/// - Source: ONNX `Not`, opsets 1–28.
struct Not: OnnxOp {
  static let onnx = OnnxName("Not", since: 1)
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  func trainable(_ input: Int) -> Bool { false }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.bool(0, "X")
    return [TensorType(x.shape, .bool, known: x.known.map { $0.map { 1 - $0 } })]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = y.shape.count
    plan.step([x, y]) { memory in
      let from = memory.raw(x).assumingMemoryBound(to: Bool.self), to = memory.raw(y).assumingMemoryBound(to: Bool.self)
      return { for i in 0..<count { to[i] = !from[i] } }
    }
  }
}
