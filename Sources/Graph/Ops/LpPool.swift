import DitherBasics
import DitherTensor

/// The p-norm of each window: (Σ |x|ᵖ)^(1/p).
/// - Source: ONNX `LpPool`, opsets 2–28.
struct LpPool: Composite {
  static let onnx = OnnxName("LpPool", since: 2)
  private let window: Window
  private let norm: PowerNorm
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("auto_pad", "ceil_mode", "dilations", "kernel_shape", "p", "pads", "strides")
    window = try Window(node)
    norm = try PowerNorm(node)
  }
  var leastOpset: Int { window.ceilMode || window.dilations?.contains { $0 != 1 } ?? false ? 18 : Self.onnx.since }
  func write(to node: inout OnnxNode) {
    window.write(to: &node)
    if node.opset < 18 { node["dilations"] = nil }
    norm.write(to: &node)
  }
  func operations(_ inputs: [TensorType?], _ outputs: [TensorType]) -> Double { window.reads(outputs) }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis > 1 }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.float(0, "X", rank: 3...5)
    // Padding adds nothing, so the mean over the whole window is the sum up to its size.
    let mean = try norm.power(x).pooled(by: window) { x, window throws(GraphError) in
      let shape = try window.pooling(x.shape), result = shape.output(like: x.shape, channels: x.shape[1])
      return try x.apply(GivenPooling(kind: .averageIncludingPadding, shape: shape, result: result))
    }
    // Now the window is known to be one.
    return [try norm.root(Float((window.kernel ?? []).reduce(1, *)) * mean)]
  }
}
