import DitherBasics
import DitherTensor

/// Gated recurrent units: z and r by the first activation, the candidate by the second; h′ = (1 − z) ⊙ candidate
/// + z ⊙ h.
/// `linear_before_reset`: r multiplies the state's product, and not the state.
/// - Shapes: as ``RNN``'s, with 3H rows of weights in the order z, r, h.
/// - Source: ONNX `GRU`, opsets 7–28.
struct GRU: Composite {
  static let onnx = OnnxName("GRU", since: 7)
  private static let defaults = ["Sigmoid", "Tanh"]
  private let layer: Recurrent
  private let resetsProduct: Bool
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow(
      "activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "layout",
      "linear_before_reset")
    layer = try Recurrent(node, gates: 3, defaults: Self.defaults)
    resetsProduct = try node.int("linear_before_reset", default: 0) != 0
  }
  var leastOpset: Int { layer.leastOpset }
  func write(to node: inout OnnxNode) {
    layer.write(to: &node, defaults: Self.defaults)
    if resetsProduct { node["linear_before_reset"] = .int(1) }
  }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { layer.mixes(input, along: axis) }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    try layer.run(inputs, in: builder, hasCell: false) { x, state, weights, d throws(GraphError) in
      let x = try Recurrent.biased(x, weights.inputBias), h = state.h
      let gate = layer.activations[2 * d], candidate = layer.activations[2 * d + 1]
      func bias(_ which: Int) throws(GraphError) -> Value? {
        guard let bias = weights.stateBias else { return nil }
        return try Recurrent.part(bias, which, of: 3)
      }
      let opened = try layer.product(h, weights, gates: 0..<2)
      func gated(_ which: Int) throws(GraphError) -> Value {
        let sum = try Recurrent.part(x, which, of: 3) + Recurrent.part(opened, which, of: 2)
        return try Recurrent.biased(sum, bias(which)).map(gate)
      }
      let z = try gated(0), r = try gated(1)
      let fromState =
        resetsProduct
        ? try r * Recurrent.biased(layer.product(h, weights, gates: 2..<3), bias(2))
        : try Recurrent.biased(layer.product(r * h, weights, gates: 2..<3), bias(2))
      let new = try (Recurrent.part(x, 2, of: 3) + fromState).map(candidate)
      return .init(h: try new + z * (h - new))
    }
  }
}
