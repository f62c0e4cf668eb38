import DitherTensor

extension NoiseSite {
  /// On the weights of every dense layer and convolution; biases stay as they are. Weights of several layers are noisy
  /// once: all have the draws of the first.
  public static let weights = NoiseSite("weights", hasLayers: true) { graph in
    let layers = graph.nodes.indices.compactMap { at -> (at: Int, weights: ValueID, origin: ValueID)? in
      let node = graph.nodes[at]
      guard let weights = node.weights, graph.literals[weights] != nil else { return nil }
      return (at, weights, node.folded?.weights ?? weights)
    }
    var first: [ValueID: Int] = [:], uses: [ValueID: Int] = [:]
    for layer in layers {
      let number = graph.nodes[layer.at].number ?? layer.at
      first[layer.origin] = min(first[layer.origin] ?? number, number)
      uses[layer.origin, default: 0] += 1
    }
    return layers.map { layer in
      let node = graph.nodes[layer.at], name = graph.valueNames[layer.origin.index]
      return NoisePlace(
        target: .weights(layer.at), names: [node.name, name],
        address: .node(first[layer.origin] ?? layer.at, kind: 0), isShared: uses[layer.origin, default: 0] > 1,
        weights: graph.literals[layer.weights].map {
          .init(name: name, shape: $0.type.shape, channels: node.op.weightChannels)
        })
    }
  }
}
