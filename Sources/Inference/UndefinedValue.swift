import DitherBasics
import DitherGraph
import DitherTensor

/// The first value of a network that is NaN or infinite, for who has to mend the file.
public struct UndefinedValue: Sendable {
  /// The node that puts it out and its op, "node 'log' (Log)".
  public var place: String
  /// Whether that node picks by index: then NaN stands for what lies beyond its table.
  public var isIndexed: Bool
}

extension Model {
  /// Looks for the first node whose result is not finite although all that it reads is.
  /// - Parameter inputs: of one row, as the graph takes them.
  /// - Returns: nil where no node's result is kept as floats up to there.
  /// - Throws: when the row is no input of this model.
  public func firstUndefined(on inputs: Tensor) throws -> UndefinedValue? {
    var all = graph
    let types = try graph.types(rows: 1)
    all.outputs = graph.nodes.flatMap { node in
      node.outputs.filter { types[$0.index]?.element == .float32 && types[$0.index]?.shape.count ?? 0 > 0 }
        .map { GraphOutput(name: "\($0.index)", value: $0) }
    }
    guard !all.outputs.isEmpty else { return nil }
    let plan = try Plan(
      all, parameters: ParameterBuffers(all, sharing: plans.parameters),
      options: Plan.Options(rows: 1, precision: precision))
    try signature.load(signature.checked(inputs).tensor, 0..<1, into: plan.inputs)
    plan.forward()
    let undefined = Set(
      all.outputs.indices.filter { !plan.output($0).allSatisfy(\.isFinite) }.map { all.outputs[$0].value })
    guard let node = graph.nodes.first(where: { $0.outputs.contains(where: undefined.contains) }) else { return nil }
    return UndefinedValue(
      place: "node '\(node.name.clipped())' (\(nameInFiles(of: node.op)))", isIndexed: node.op.isIndexed)
  }
}
