import DitherBasics
import DitherTensor

/// A graph that takes rows of its table where it took their numbers.
public struct EmbeddedGraph: Sendable {
  /// The same nodes in their places, so that noise is drawn where it was.
  public let graph: Graph
  /// The place of the input that has the numbers, in the first graph.
  public let numbers: Int
  /// The place of the input that takes the rows, [batch, …], in this graph.
  public let rows: Int
  /// [words, …].
  public let table: Tensor
}

extension Graph {
  /// The same function of the rows that an integer input looks up in a constant table, of several tables the largest's:
  /// of words' embeddings in place of words. Where the numbers are used elsewhere too they stay an input beside it.
  /// - Returns: nil where no such input goes into a lookup as it is.
  public func takingEmbeddings() throws(GraphError) -> EmbeddedGraph? {
    let types = (try types(rows: 1), try types(rows: 2))
    var found: (node: Int, input: Int, words: ValueID, table: Tensor, shape: Shape)?
    for (at, node) in nodes.enumerated() {
      guard let op = node.op as? any Lookup, let place = op.rowNumbers, place < node.inputs.count,
        op.table < node.inputs.count, let words = node.inputs[op.table], case .float(let table)? = literals[words],
        let numbers = node.inputs[place],
        let input = inputs.firstIndex(where: { $0.value == numbers && $0.element == .int64 }),
        let one = types.0[node.outputs[0].index]?.shape, let two = types.1[node.outputs[0].index]?.shape,
        one.dimensions.first == 1, two == one.replacingRows(2), table.count > found?.table.count ?? 0
      else { continue }
      found = (at, input, words, table, one.row)
    }
    guard let found else { return nil }
    var graph = self
    let numbers = inputs[found.input], value = ValueID(valueNames.count)
    var name = "\(numbers.name)_rows"
    while valueNames.contains(name) { name += "_" }
    graph.valueNames.append(name)
    graph.nodes[found.node].op = GivenRows()
    graph.nodes[found.node].inputs = [value, found.words]
    let taken = GraphInput(
      name: name, element: .float32, dimensions: [nil] + found.shape.dimensions.map { $0 as Int? }, value: value)
    let isUsed =
      graph.nodes.contains { $0.inputs.contains(numbers.value) } || outputs.contains { $0.value == numbers.value }
    if isUsed { graph.inputs.append(taken) } else { graph.inputs[found.input] = taken }
    return EmbeddedGraph(
      graph: graph, numbers: found.input, rows: isUsed ? inputs.count : found.input, table: found.table)
  }
}
