import DitherGraph
import DitherTensor

/// A graph with one input, ready to be run in tests.
struct Network {
  let graph: Graph
  let parameters: ParameterBuffers
  init(_ graph: Graph) {
    self.graph = graph
    parameters = ParameterBuffers(graph)
  }

  func outputs(_ input: Literal) throws -> [Float] {
    let plan = try Plan(graph, parameters: parameters, options: .init(rows: input.type.shape[0]))
    plan.write(input, to: 0)
    plan.forward()
    return Array(plan.output())
  }
}

extension Plan {
  func write(_ literal: Literal, to index: Int) {
    switch literal {
    case .float(let tensor): _ = input(index).update(fromContentsOf: tensor.elements)
    case .int64(_, let values): _ = inputs[index].bindMemory(to: Int64.self).update(fromContentsOf: values)
    case .bool(_, let values): _ = inputs[index].bindMemory(to: Bool.self).update(fromContentsOf: values)
    }
  }
}
