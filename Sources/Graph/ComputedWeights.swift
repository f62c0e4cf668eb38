import DitherBasics
import DitherTensor

extension Graph {
  /// The same function with those weights of layers as constants that nodes compute from constants, as exporters do who
  /// transpose, reshape or scale them: noise, packing and certificates see weights only there. What computes them stays
  /// in the list, so that no node changes its place, and is not run.
  ///
  /// Weights of the same numbers that come of the same constant are one weight: an Identity's result is no other than
  /// its operand, and two Transposes of one constant give one.
  /// - Returns: nil where there are none.
  public func foldingComputedWeights() throws(GraphError) -> Graph? {
    // Each member's weights are computed of its own constants.
    guard noise?.members == nil else { return nil }
    var fixed = Set(literals.keys), made: [Node] = []
    for node in nodes where !node.inputs.isEmpty {
      guard node.inputs.allSatisfy({ $0.map(fixed.contains) ?? true }) else { continue }
      made.append(node)
      fixed.formUnion(node.outputs)
    }
    var seen = Set(literals.keys)
    var wanted = nodes.compactMap(\.weights).filter { fixed.contains($0) && seen.insert($0).inserted }
    guard !wanted.isEmpty else { return nil }
    let types = try types(rows: 1)
    wanted.removeAll { types[$0.index]?.element != .float32 }
    guard !wanted.isEmpty else { return nil }
    let computed = try Graph.compute(wanted, by: made, in: self), origins = origins(of: made, types)
    var result = self, constants: [ValueID: ValueID] = [:], known: [ComputedWeights: ValueID] = [:]
    for (id, tensor) in zip(wanted, computed) {
      let origin = origins[id] ?? id
      if literals[origin] == .float(tensor) {
        constants[id] = origin
        continue
      }
      let weights = ComputedWeights(origin: origin, values: tensor)
      let constant = known[weights] ?? result.add(tensor, as: valueNames[id.index])
      (known[weights], constants[id]) = (constant, constant)
    }
    for at in result.nodes.indices {
      guard let weights = result.nodes[at].weights, let constant = constants[weights],
        let position = result.nodes[at].op.weightInput
      else { continue }
      result.nodes[at].inputs[position] = constant
    }
    return result
  }

  /// The constant of numbers that each value is made of, where it is one; single numbers, shapes and axes do not count.
  private func origins(of made: [Node], _ types: [TensorType?]) -> [ValueID: ValueID] {
    var origins: [ValueID: ValueID] = [:]
    for node in made {
      let operands = node.inputs.compactMap { $0 }.filter { id in
        types[id.index].map { $0.element == .float32 && $0.shape.count > 1 } ?? false
      }
      let sources = Set(operands.map { origins[$0] ?? $0 })
      guard sources.count == 1, let origin = sources.first else { continue }
      for output in node.outputs { origins[output] = origin }
    }
    return origins
  }

  private static func compute(_ wanted: [ValueID], by nodes: [Node], in graph: Graph) throws(GraphError) -> [Tensor] {
    var part = Graph()
    part.valueNames = graph.valueNames
    part.outputs = wanted.enumerated().map { GraphOutput(name: "\($0.offset)", value: $0.element) }
    var needed = Set(wanted)
    for node in nodes.reversed() where node.outputs.contains(where: needed.contains) {
      part.nodes.append(node)
      needed.formUnion(node.inputs.compactMap { $0 })
    }
    part.nodes.reverse()
    part.literals = graph.literals.filter { needed.contains($0.key) }
    let plan = try Plan(part, parameters: ParameterBuffers(part), options: Plan.Options(rows: 1))
    plan.forward()
    return wanted.indices.map { Tensor(plan.outputTypes[$0].shape, Array(plan.output($0))) }
  }
}

/// Weights by what they are made of and what they are.
private struct ComputedWeights: Hashable {
  var origin: ValueID
  var values: Tensor

  func hash(into hasher: inout Hasher) {
    hasher.combine(origin)
    hasher.combine(values.elements)
  }
}
