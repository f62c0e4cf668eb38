import DitherBasics
import DitherTensor

/// h′ = f(x Wᵀ + h Rᵀ + b), over time.
/// - Shapes: X [T, B, I], or [B, T, I] in layout 1; W [D, H, I], R [D, H, H], B [D, 2H]; Y [T, D, B, H], Y_h [D, B, H].
/// - Source: ONNX `RNN`, opsets 7–28.
struct RNN: Composite {
  static let onnx = OnnxName("RNN", since: 7)
  private static let defaults = ["Tanh"]
  private let layer: Recurrent
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow(
      "activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "layout")
    layer = try Recurrent(node, gates: 1, defaults: Self.defaults)
  }
  var leastOpset: Int { layer.leastOpset }
  func write(to node: inout OnnxNode) { layer.write(to: &node, defaults: Self.defaults) }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { layer.mixes(input, along: axis) }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    try layer.run(inputs, in: builder, hasCell: false) { x, state, weights, d throws(GraphError) in
      let sum = try x + layer.product(state.h, weights, gates: 0..<1)
      let biased = try Recurrent.biased(Recurrent.biased(sum, weights.inputBias), weights.stateBias)
      return .init(h: try biased.map(layer.activations[d]))
    }
  }
}
