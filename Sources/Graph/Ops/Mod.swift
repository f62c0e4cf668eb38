import DitherBasics
import DitherTensor
import Foundation

/// The remainder of A divided by B, with NumPy's broadcasting: of B's sign, or with `fmod` of A's. By 0: of floats NaN,
/// of integers 0.
/// - Source: ONNX `Mod`, opsets 10–28.
struct Mod: OnnxOp {
  static let onnx = OnnxName("Mod", since: 10)
  private let followsDividend: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("fmod")
    followsDividend = try node.flag("fmod", default: false)
  }
  func write(to node: inout OnnxNode) { if followsDividend { node["fmod"] = .int(1) } }
  func trainable(_ input: Int) -> Bool { input == 0 }
  var mayBeUndefined: Bool { true }

  private func remainder(_ a: Int64, _ b: Int64) -> Int64 {
    guard b != 0, b != -1 else { return 0 }
    let rest = a % b
    return followsDividend || rest == 0 || (rest < 0) == (b < 0) ? rest : rest + b
  }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let a = try inputs.required(0, "A"), b = try inputs.required(1, "B")
    guard a.element == b.element, a.element == .int64 || a.element == .float32 && followsDividend else {
      throw GraphError(
        .unsupportedType, at: "inputs", expected: "both int64, or both float32 with fmod=1",
        got: "\(a.element) and \(b.element), fmod=\(followsDividend ? 1 : 0)")
    }
    let (shape, known) = try knownBroadcast(a, b, remainder)
    return [TensorType(shape, a.element, known: known)]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [upstream.summed(to: call.inputs[0].shape), nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let a = call.inputs[0], b = call.inputs[1], y = call.outputs[0]
    let broadcast = Broadcast(y.shape, of: [a.shape, b.shape]), isFloat = y.type.element == .float32
    plan.step([a, b, y]) { memory in
      if isFloat {
        let x = memory.floats(a), z = memory.floats(b), to = memory.floats(y)
        return { broadcast.each { i, j, k in to[i] = fmod(x[j], z[k]) } }
      }
      let x = memory.integers(a), z = memory.integers(b), to = memory.integers(y)
      return { broadcast.each { i, j, k in to[i] = remainder(x[j], z[k]) } }
    }
  }
}
