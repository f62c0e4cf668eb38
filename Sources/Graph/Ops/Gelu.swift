import DitherBasics
import DitherTensor
import Foundation

/// `x · Φ(x)`, exactly by the error function or by the tanh approximation.
/// - Source: ONNX `Gelu`, opsets 20–28; Hendrycks and Gimpel 2016, arXiv 1606.08415.
struct Gelu: OnnxOp {
  static let onnx = OnnxName("Gelu", since: 20)
  var approximatesByTanh = false
  init() {}
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("approximate")
    let approximate = try node.string("approximate", default: "none")
    guard ["none", "tanh"].contains(approximate) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'approximate'", expected: "none or tanh",
        got: "'\(approximate.clipped())'")
    }
    approximatesByTanh = approximate == "tanh"
  }
  func write(to node: inout OnnxNode) { if approximatesByTanh { node["approximate"] = .string("tanh") } }
  var isActivation: Bool { true }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(try inputs.float(0, "X"))] }

  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let x = call.inputs[0]
    if approximatesByTanh {
      let inner = try 0.7978845608028654 * (x + 0.044715 * (x * x * x)), t = try inner.map(.tanh)
      let slope = try 0.7978845608028654 * (0.134145 * (x * x) + 1)
      return try [upstream * (0.5 * (t + 1) + 0.5 * (x * (-(t * t) + 1) * slope))]
    }
    let cumulative = try 0.5 * ((0.7071067811865476 * x).map(.erf) + 1)
    let density = try 0.3989422804014327 * (-0.5 * (x * x)).map(.exp)
    return try [upstream * (cumulative + x * density)]
  }

  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = x.shape.count, byTanh = approximatesByTanh
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return { for i in 0..<count { to[i] = gelu(from[i], byTanh) } }
    }
  }
}

/// One number.
private func gelu(_ x: Float, _ byTanh: Bool) -> Float {
  byTanh
    ? 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
    : 0.5 * x * (1 + erf(x * 0.7071067811865476))
}
