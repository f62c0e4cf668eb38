import DitherTensor

extension NoiseSite {
  /// On the weights of every dense layer and convolution; biases stay as they are.
  public static let weights = NoiseSite("weights", hasLayers: true) { graph in
    graph.nodes.enumerated().compactMap { at, node in
      guard let position = node.op.weightInput, position < node.inputs.count, let weights = node.inputs[position],
        graph.literals[weights] != nil
      else { return nil }
      return NoisePlace(
        target: .weights(at), names: [node.name, graph.valueNames[weights.index]],
        address: .node(node.number ?? at, kind: 0))
    }
  }
}
