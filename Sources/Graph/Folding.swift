import DitherTensor

/// The facts that a convolution must know of the normalization in its weights, so that its noise stays what it was.
struct FoldedNormalization: Sendable {
  /// [M]: the factor of each output channel's weights.
  var scale: ValueID
  /// The standard deviation of the weights before.
  var weightDeviation: Float
  /// The weights before, which other layers may have too; they need not be in the graph any more.
  var weights: ValueID
  /// The normalization's place in the list of nodes, and its name.
  var number: Int
  var name: String
}

extension Graph {
  /// The same function with every `BatchNormalization` behind a convolution in that convolution's weights and bias.
  /// Noise is drawn where it was, of the size that it had: a draw on a weight is scaled as the weight is.
  public func foldingNormalization() -> Graph {
    // Each member has weights and normalizations of its own.
    guard noise?.members == nil else { return self }
    var result = self
    var uses: [ValueID: Int] = [:]
    for node in nodes { for case let input? in node.inputs { uses[input, default: 0] += 1 } }
    for output in outputs { uses[output.value, default: 0] += 1 }
    for i in result.nodes.indices { result.nodes[i].number = i }
    var producers: [ValueID: Int] = [:], kept: [Node?] = result.nodes
    for (index, node) in result.nodes.enumerated() {
      if let input = node.inputs.first ?? nil, uses[input] == 1, let at = producers[input], let before = kept[at],
        before.op.takesChannelAffine, before.folded == nil,
        let affine = node.op.channelAffine(node.inputs.map { floats($0) }),
        let folded = result.fold(affine, node, number: index, into: before)
      {
        kept[at] = nil
        kept[index] = folded
        producers[folded.outputs[0]] = index
        continue
      }
      for output in node.outputs { producers[output] = index }
    }
    result.nodes = kept.compactMap { $0 }
    let used = Set(result.nodes.flatMap { $0.inputs.compactMap { $0 } } + result.nodes.compactMap { $0.folded?.scale })
      .union(result.outputs.map(\.value)).union(noiseLiterals)
    result.literals = result.literals.filter { used.contains($0.key) }
    return result
  }

  private func floats(_ id: ValueID?) -> Tensor? {
    guard let id, case .float(let tensor)? = literals[id] else { return nil }
    return tensor
  }

  /// - Returns: nil where an operand is no constant.
  private mutating func fold(_ affine: ChannelAffine, _ node: Node, number: Int, into conv: Node) -> Node? {
    let factor = affine.factor, mean = affine.center, shift = affine.shift
    guard conv.inputs.count > 1, let origin = conv.inputs[1], let weights = floats(origin),
      weights.rowCount == factor.count
    else { return nil }
    let hasBias = conv.inputs.count > 2 && conv.inputs[2] != nil, bias = hasBias ? floats(conv.inputs[2]) : nil
    guard !hasBias || bias?.count == factor.count else { return nil }
    let length = weights.rowLength
    var folded = weights
    for channel in 0..<weights.rowCount {
      for i in channel * length..<(channel + 1) * length { folded.elements[i] *= factor.elements[channel] }
    }
    let moved = Tensor(
      [factor.count],
      (0..<factor.count).map { channel in
        ((bias?.elements[channel] ?? 0) - mean.elements[channel]) * factor.elements[channel] + shift.elements[channel]
      })
    let average = weights.elements.reduce(0.0) { $0 + Double($1) } / Double(weights.count)
    let spread = weights.elements.reduce(0.0) { $0 + (Double($1) - average) * (Double($1) - average) }
    var result = conv
    result.inputs = [
      conv.inputs[0], add(folded, as: "\(conv.name).folded_weight"), add(moved, as: "\(conv.name).folded_bias"),
    ]
    result.outputs = node.outputs
    result.folded = FoldedNormalization(
      scale: add(factor, as: "\(conv.name).folded_scale"),
      weightDeviation: Float((spread / Double(weights.count)).squareRoot()), weights: origin, number: number,
      name: node.name)
    return result
  }
}
