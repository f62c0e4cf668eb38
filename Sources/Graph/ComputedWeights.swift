import DitherBasics
import DitherTensor

extension Graph {
  /// The same function with those weights of layers as constants that nodes compute from constants, as exporters do who
  /// transpose, reshape or scale them: noise, packing and certificates see weights only there. What computes them stays
  /// in the list, so that no node changes its place, and is not run.
  /// - Returns: nil where there are none.
  public func foldingComputedWeights() throws(GraphError) -> Graph? {
    var fixed = Set(literals.keys), made: [Node] = []
    for node in nodes where !node.inputs.isEmpty {
      guard node.inputs.allSatisfy({ $0.map(fixed.contains) ?? true }) else { continue }
      made.append(node)
      fixed.formUnion(node.outputs)
    }
    let types = try made.isEmpty ? [] : types(rows: 1)
    var wanted: [ValueID] = []
    for node in nodes {
      guard let position = node.op.weightInput, position < node.inputs.count, let weights = node.inputs[position],
        literals[weights] == nil, fixed.contains(weights), !wanted.contains(weights),
        types[weights.index]?.element == .float32
      else { continue }
      wanted.append(weights)
    }
    guard !wanted.isEmpty else { return nil }
    let computed = try Graph.compute(wanted, by: made, in: self)
    var result = self, constants: [ValueID: ValueID] = [:]
    for (id, tensor) in zip(wanted, computed) {
      // An Identity's result is no other weight than its operand.
      let same = literals.keys.sorted { $0.index < $1.index }.first { literals[$0] == .float(tensor) }
      constants[id] = same ?? result.add(tensor, as: valueNames[id.index])
    }
    for at in result.nodes.indices {
      guard let position = result.nodes[at].op.weightInput, position < result.nodes[at].inputs.count,
        let weights = result.nodes[at].inputs[position], let constant = constants[weights]
      else { continue }
      result.nodes[at].inputs[position] = constant
    }
    return result
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
