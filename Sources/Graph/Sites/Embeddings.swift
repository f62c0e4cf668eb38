/// An op that looks rows of a table up.
protocol Lookup: Op {
  /// The operand that is the table.
  var table: Int { get }
  /// The operand that has the numbers of whole rows, along the table's first axis; nil: it looks up otherwise.
  var rowNumbers: Int? { get }
}

extension NoiseSite {
  /// On the rows that are looked up in a table of weights, as words' embeddings are. Source: Jain et al. 2023
  /// (NEFTune), arXiv 2310.05914.
  public static let embeddings = NoiseSite("embeddings") { graph in
    graph.outputPlaces(kind: 3) { node in
      guard let op = node.op as? any Lookup, op.table < node.inputs.count, let table = node.inputs[op.table],
        case .float? = graph.literals[table]
      else { return false }
      return true
    }
  }
}
