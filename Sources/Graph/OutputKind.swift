import DitherBasics
import DitherTensor

/// The meaning of the numbers of a classifier's output.
public enum OutputKind: String, Sendable, Codable, CaseIterable {
  /// Numbers that a softmax makes probabilities of.
  case logits
  /// One for each class: from 0 to 1, and together 1.
  case probabilities
  /// Their natural logarithms.
  case logProbabilities = "log_probabilities"
}

extension Graph {
  /// The key of the task, `classification`, `binary` or `regression`, in ONNX `metadata_props`.
  public static let taskKey = "dither.task"

  /// The key of what the classifier's output is, a word of ``OutputKind``, in ONNX `metadata_props`: where neither the
  /// nodes nor a trial would tell, or would tell it wrong.
  public static let outputKindKey = "dither.output_kind"

  /// The key of the name of the output that is the answer, in ONNX `metadata_props`: where a file has several.
  public static let outputKey = "dither.output"

  /// The kind of an output, as the nodes tell it: each op says what becomes of probabilities in it. Numbers of which
  /// each is a probability for itself, as sigmoids of many classes are, count as probabilities that are to be divided
  /// by their sum.
  /// - Returns: nil where they leave it open. One pass over the nodes.
  /// - Throws: when the graph cannot be planned.
  public func outputKind(of value: ValueID) throws(GraphError) -> OutputKind? { try rowFacts(of: value)?.kind }

  /// The same graph with a first output of logits, [batch, classes], whose softmax is what `output` stands for: the
  /// softmax's own input where there is one behind views, clips, casts and the like, else the logarithm of the
  /// probabilities, taken where it does not round to that of 0 if their form allows it. It has no other outputs. What
  /// is `.logits` already stays as it is.
  /// - Throws: when there is no such output, or the graph cannot be planned.
  public func exposingLogits(of output: String, kind: OutputKind) throws(GraphError) -> Graph {
    guard let found = outputs.first(where: { $0.name == output }) else {
      throw GraphError(
        .missing, at: "output '\(output.clipped())'", expected: "an output of the graph", got: "none of that name")
    }
    var result = self
    result.outputs = [found]
    result.metadata[Self.outputKindKey] = OutputKind.logits.rawValue
    guard kind != .logits else { return result }
    var tail = LogitsTail(result)
    if let form = try rowFacts(of: found.value)?.logarithm, !isNoisy(from: form.values, to: found.value) {
      tail.expose(form)
    } else if kind == .probabilities {
      tail.exposeLogarithm(of: found.value)
    }
    return tail.graph
  }

  /// The same graph with a first output of two logits, [batch, 2], for the one score a row that `output` gives: [0, z],
  /// whose softmax is [1 − p, p] of p = 1 / (1 + e^−z). It has no other outputs.
  /// - Parameter kind: what the score is: z itself, p or ln p; of a p that is a sigmoid, z is the value behind it,
  ///   which does not round to that of 0 or 1.
  /// - Throws: when there is no such output, or the graph cannot be planned.
  public func exposingBinaryLogits(of output: String, kind: OutputKind) throws(GraphError) -> Graph {
    guard let found = outputs.first(where: { $0.name == output }) else {
      throw GraphError(
        .missing, at: "output '\(output.clipped())'", expected: "an output of the graph", got: "none of that name")
    }
    var result = self
    result.outputs = [found]
    result.metadata[Self.outputKindKey] = OutputKind.logits.rawValue
    var tail = LogitsTail(result)
    if kind == .probabilities, let form = try rowFacts(of: found.value)?.logarithm,
      case .sigmoid(let score, let negated) = form.tree, !isNoisy(from: form.values, to: found.value)
    {
      tail.exposePair(score, negated: negated)
    } else {
      tail.exposePair(of: found.value, kind)
    }
    return tail.graph
  }

  /// Whether noise is added to what is computed on the way: then the logarithms of the values before it are not those
  /// of the output.
  private func isNoisy(from values: Set<ValueID>, to output: ValueID) -> Bool {
    guard let noise, noise.terms.contains(where: { $0.site == .activations }), !values.contains(output) else {
      return false
    }
    var wanted: Set<ValueID> = [output]
    for node in nodes.reversed() where node.outputs.contains(where: wanted.contains) {
      if node.op.isActivation { return true }
      wanted.formUnion(node.inputs.compactMap { $0 }.filter { !values.contains($0) })
    }
    return false
  }

  /// The facts known of the rows of a value.
  private func rowFacts(of value: ValueID) throws(GraphError) -> RowFacts? {
    let rows = RowsCall.rows, types = try types(rows: rows)
    var facts = [RowFacts?](repeating: nil, count: valueNames.count)
    for node in nodes {
      guard let output = node.outputs.first, let type = types[output.index], type.element == .float32 else { continue }
      facts[output.index] = node.op.rows(
        RowsCall(
          facts: node.inputs.map { $0.flatMap { facts[$0.index] } }, operands: node.inputs,
          types: node.inputs.map { $0.flatMap { types[$0.index] ?? literals[$0]?.type } }, output: output,
          result: type))
    }
    return facts[value.index]
  }
}
