import DitherTensor

extension GraphBuilder {
  /// Appends the reverse pass.
  /// - Parameters:
  ///   - upstream: the gradient of some loss for `output`, of its shape.
  ///   - targets: inputs or constants.
  /// - Returns: the gradient for each target, of its shape; nil where `output` does not depend on it.
  func gradients(of output: Value, upstream: Value, for targets: [Value]) throws(GraphError) -> [Value?] {
    try gradients(of: [(output, upstream)], for: targets)
  }

  /// The gradients of several outputs, each with its upstream gradient: the sum.
  func gradients(of outputs: [(output: Value, upstream: Value)], for targets: [Value]) throws(GraphError) -> [Value?] {
    let forward = graph.nodes
    var reached = Set(targets.map(\.id))
    for node in forward where node.inputs.contains(where: { $0.map(reached.contains) ?? false }) {
      reached.formUnion(node.outputs.filter { types[$0.index].element == .float32 })
    }
    var sums: [ValueID: Value] = [:]
    for (output, upstream) in outputs {
      if let sum = sums[output.id] { sums[output.id] = try sum + upstream } else { sums[output.id] = upstream }
    }
    for node in forward.reversed() {
      // Ops with several outputs (Split) give the gradient through each on its own call.
      for (position, id) in node.outputs.enumerated() {
        guard reached.contains(id), let above = sums[id] else { continue }
        let whole = call(node)
        let call =
          position == 0 ? whole : Call(name: whole.name, inputs: whole.inputs, outputs: [whole.outputs[position]])
        for (input, gradient) in try zip(node.inputs, node.op.gradient(call, upstream: above)) {
          guard let input, let gradient, reached.contains(input) else { continue }
          if let sum = sums[input] { sums[input] = try sum + gradient } else { sums[input] = gradient }
        }
      }
    }
    return targets.map { sums[$0.id] }
  }
}
