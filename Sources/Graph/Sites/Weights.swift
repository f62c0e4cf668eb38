import DitherTensor

extension Graph {
  /// The constant weights of a dense layer or a convolution; nil of every other node.
  fileprivate func weights(of node: Node) -> ValueID? {
    guard let position = node.op.weightInput, position < node.inputs.count, let weights = node.inputs[position],
      literals[weights] != nil
    else { return nil }
    return weights
  }
}

extension NoiseSite {
  /// On the weights of every dense layer and convolution; biases stay as they are. Weights of several layers are noisy
  /// once: all have the draws of the first.
  public static let weights = NoiseSite("weights", hasLayers: true) { graph in
    var first: [ValueID: Int] = [:], uses: [ValueID: Int] = [:]
    let layers = graph.nodes.indices.filter { graph.weights(of: graph.nodes[$0]) != nil }
    for at in layers {
      guard let origin = graph.nodes[at].folded?.weights ?? graph.weights(of: graph.nodes[at]) else { continue }
      let number = graph.nodes[at].number ?? at
      first[origin] = min(first[origin] ?? number, number)
      uses[origin, default: 0] += 1
    }
    return layers.compactMap { at in
      let node = graph.nodes[at]
      guard let weights = graph.weights(of: node) else { return nil }
      let origin = node.folded?.weights ?? weights
      return NoisePlace(
        target: .weights(at), names: [node.name, graph.valueNames[weights.index]],
        address: .node(first[origin] ?? at, kind: 0), isShared: uses[origin, default: 0] > 1)
    }
  }
}
