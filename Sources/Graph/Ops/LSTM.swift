import DitherBasics
import DitherTensor

/// Long short-term memory: the gates i, o and f by the first activation, the cell's candidate by the second, the
/// output by the third.
/// - Shapes: as ``RNN``'s, with 4H rows of weights in the order i, o, f, c; a third result, the last cell [D, B, H].
/// - Source: ONNX `LSTM`, opsets 7–28; Gers and Schmidhuber 2000, of the peepholes.
struct LSTM: Composite {
  static let onnx = OnnxName("LSTM", since: 7)
  private static let defaults = ["Sigmoid", "Tanh", "Tanh"]
  private let layer: Recurrent
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow(
      "activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "input_forget",
      "layout")
    layer = try Recurrent(node, gates: 4, defaults: Self.defaults)
    guard try node.int("input_forget", default: 0) == 0 else {
      throw GraphError(.attribute, at: "\(node.place), attribute 'input_forget'", expected: "0", got: "another number")
    }
  }
  var leastOpset: Int { layer.leastOpset }
  func write(to node: inout OnnxNode) { layer.write(to: &node, defaults: Self.defaults) }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { layer.mixes(input, along: axis) }
  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    return try layer.run(inputs, in: builder, hasCell: true) { x, state, weights, d throws(GraphError) in
      var sum = try x + layer.product(state.h, weights, gates: 0..<4)
      sum = try Recurrent.biased(Recurrent.biased(sum, weights.inputBias), weights.stateBias)
      let gate = layer.activations[3 * d]
      func part(_ which: Int, _ function: Unary.Function, seeing cell: Value? = nil) throws(GraphError) -> Value {
        let own = try Recurrent.part(sum, which, of: 4)
        guard let cell, let peepholes = weights.peepholes else { return try own.map(function) }
        return try (own + Recurrent.part(peepholes, which, of: 3) * cell).map(function)
      }
      guard let old = state.cell else { return state }
      let i = try part(0, gate, seeing: old), f = try part(2, gate, seeing: old)
      let candidate = try part(3, layer.activations[3 * d + 1]), cell = try f * old + i * candidate
      let o = try part(1, gate, seeing: cell)
      return .init(h: try o * cell.map(layer.activations[3 * d + 2]), cell: cell)
    }
  }
}
