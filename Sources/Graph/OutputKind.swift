import DitherBasics
import DitherTensor
import Foundation

/// What the numbers of a classifier's output are.
public enum OutputKind: String, Sendable, Codable, CaseIterable {
  /// What a softmax makes probabilities of.
  case logits
  /// Of each class: from 0 to 1, and together 1.
  case probabilities
  /// Their natural logarithms.
  case logProbabilities = "log_probabilities"
}

extension Graph {
  /// The key of what the classifier's output is, a word of ``OutputKind``, in ONNX `metadata_props`: where neither the
  /// nodes nor a trial would tell, or would tell it wrong.
  public static let outputKindKey = "dither.output_kind"

  /// What the nodes tell of an output: each op says what becomes of probabilities in it. Numbers of which each is a
  /// probability for itself, as sigmoids of many classes are, count as probabilities that are to be divided by their
  /// sum.
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

  /// What is known of the rows of a value.
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

/// What is known of a value's numbers, a row of the batch at a time. They are said of numbers s ≥ 0 of which the value
/// has these, their logarithms or their negatives.
public struct RowFacts: Sendable {
  enum Form: Sendable { case plain, logarithms, negatives }
  enum Relation: Sendable, Equatable {
    /// One less the numbers of that value.
    case complement(of: ValueID)
    /// One number a row: the sum of that value's, or one divided by it.
    case total(of: ValueID)
    case reciprocalTotal(of: ValueID)
  }

  var form = Form.plain
  /// Each s is at most 1.
  var areShares = false
  /// What each row adds up to.
  var total: Double?
  /// ln s.
  var logarithm: LogarithmForm?
  /// The value in which these numbers first stood: views of it hold the same.
  var source: ValueID
  var relation: Relation?

  /// Each s is at most 1, by itself or by what they add up to.
  var areBounded: Bool { areShares || (total ?? .infinity) < 1 + 1e-4 }

  /// A total may be off by what rounding and the clipping of many small numbers do.
  var isDistribution: Bool { total.map { abs($0 - 1) < 1e-4 } ?? false }

  var kind: OutputKind? {
    switch form {
    case .plain: isDistribution || areShares && total == nil ? .probabilities : nil
    case .logarithms: isDistribution ? .logProbabilities : nil
    case .negatives: nil
    }
  }

  /// The same s under the value's own form.
  func formed(_ form: Form) -> RowFacts {
    var facts = self
    facts.form = form
    return facts
  }

  /// s · `factor`, which is above 0.
  func scaled(by factor: Double, as output: ValueID) -> RowFacts? {
    guard factor > 0, factor.isFinite else { return nil }
    guard factor != 1 else { return self }
    return RowFacts(
      areShares: areShares && factor <= 1, total: total.map { $0 * factor }, logarithm: logarithm?.upToFactor,
      source: output)
  }

  /// Held between two bounds, which leave almost all shares as they are.
  func held(from low: Float?, to high: Float?) -> RowFacts? {
    let floor: Float = 1e-3
    switch form {
    case .plain: return (low ?? 0) <= floor && (high ?? 1) >= 1 - floor && areBounded ? self : nil
    // ln 0.001.
    case .logarithms: return (low ?? -.infinity) <= -6.9 && (high ?? 0) >= 0 && areBounded ? self : nil
    case .negatives: return nil
    }
  }
}

/// How to compute ln s of the numbers s of a row.
struct LogarithmForm: Sendable {
  indirect enum Tree: Sendable {
    /// What that value holds.
    case value(ValueID)
    /// ln sigmoid(z), or of −z.
    case sigmoid(of: ValueID, negated: Bool)
    /// In another order, or some of them: by their places in a row.
    case picked(Tree, [Int])
    /// One behind the other.
    case joined([Tree])
    /// ln Σ w · softmax.
    case mixture([(weight: Double, member: Tree)])
  }
  let tree: Tree
  /// Else they are logarithms up to a number for each row, as logits are.
  var isExact: Bool
  private let size: Int

  /// Forms are a few ops: a file cannot make them deep.
  private static let mostParts = 256

  init(_ value: ValueID) { (tree, isExact, size) = (.value(value), false, 1) }
  init(sigmoidOf value: ValueID, negated: Bool) {
    (tree, isExact, size) = (.sigmoid(of: value, negated: negated), true, 1)
  }
  private init?(_ tree: Tree, exact: Bool, of parts: [LogarithmForm], more: Int = 0) {
    size = parts.reduce(1 + more) { $0 + $1.size }
    guard size <= Self.mostParts else { return nil }
    (self.tree, isExact) = (tree, exact)
  }

  /// That it is computed from.
  var values: Set<ValueID> { Self.values(tree) }

  /// As deep as there are parts.
  private static func values(_ tree: Tree) -> Set<ValueID> {
    switch tree {
    case .value(let value), .sigmoid(let value, _): [value]
    case .picked(let inner, _): values(inner)
    case .joined(let parts): parts.reduce(into: []) { $0.formUnion(values($1)) }
    case .mixture(let members): members.reduce(into: []) { $0.formUnion(values($1.member)) }
    }
  }

  var upToFactor: LogarithmForm {
    var form = self
    form.isExact = false
    return form
  }

  func picked(_ places: [Int]) -> LogarithmForm? {
    LogarithmForm(.picked(tree, places), exact: isExact, of: [self], more: places.count / 64)
  }

  static func joined(_ parts: [LogarithmForm]) -> LogarithmForm? {
    guard parts.allSatisfy(\.isExact) else { return nil }
    return LogarithmForm(.joined(parts.map(\.tree)), exact: true, of: parts)
  }

  /// Of the sum of rows that add up to these totals.
  static func mixture(_ members: [(total: Double, form: LogarithmForm)]) -> LogarithmForm? {
    guard members.allSatisfy({ $0.total > 0 && $0.total.isFinite }) else { return nil }
    return LogarithmForm(
      .mixture(members.map { ($0.total, $0.form.tree) }), exact: true, of: members.map(\.form))
  }

  /// Of one less the numbers.
  var complement: LogarithmForm? {
    guard case .sigmoid(let value, let negated) = tree else { return nil }
    return LogarithmForm(sigmoidOf: value, negated: !negated)
  }
}

/// A node that is asked what the rows of its first output hold.
public struct RowsCall {
  /// The batch that the types are of.
  static let rows = 3
  let facts: [RowFacts?]
  let operands: [ValueID?]
  let types: [TensorType?]
  let output: ValueID
  let result: TensorType

  subscript(_ position: Int) -> RowFacts? { position < facts.count ? facts[position] : nil }
  func operand(_ position: Int) -> ValueID? { position < operands.count ? operands[position] : nil }
  func type(_ position: Int) -> TensorType? { position < types.count ? types[position] : nil }

  /// The one number that an operand consists of, where that is known.
  func uniform(_ position: Int) -> Float? {
    guard let numbers = type(position)?.knownFloats, let first = numbers.first, numbers.allSatisfy({ $0 == first })
    else { return nil }
    return first
  }

  /// What is known of the first operand, where each row of the result has the same numbers in the same order.
  var sameRows: RowFacts? {
    guard let from = type(0)?.shape, from == result.shape || from.isBatch && result.shape.isBatch else { return nil }
    return self[0]
  }

  /// Of new numbers.
  func nonnegative(
    shares: Bool = false, total: Double? = nil, logarithm: LogarithmForm? = nil, relation: RowFacts.Relation? = nil
  ) -> RowFacts {
    RowFacts(areShares: shares, total: total, logarithm: logarithm, source: output, relation: relation)
  }

  /// Numbers divided by the sum of their row.
  func normalized(_ facts: RowFacts) -> RowFacts {
    nonnegative(shares: true, total: 1, logarithm: facts.logarithm?.upToFactor)
  }

  /// One less each number.
  func complement(of facts: RowFacts) -> RowFacts? {
    guard facts.areBounded, facts.form == .plain else { return nil }
    let numbers = Double(result.shape.rowCount)
    return nonnegative(
      shares: true, total: facts.total.map { numbers - $0 }, logarithm: facts.logarithm?.complement,
      relation: .complement(of: facts.source))
  }

  /// Some numbers of each row, by their places among so many.
  func picked(_ facts: RowFacts, _ places: [Int], of count: Int) -> RowFacts? {
    guard places.allSatisfy({ (0..<count).contains($0) }) else { return nil }
    let isWhole = places.count == count && Set(places).count == count
    let logarithm = places == Array(0..<count) ? facts.logarithm : facts.logarithm?.picked(places)
    return nonnegative(
      shares: facts.areShares, total: isWhole ? facts.total : nil, logarithm: logarithm
    ).formed(facts.form)
  }

  /// Of a sum of operands of one shape, each times its weight.
  func mixture(_ weights: [Double]) -> RowFacts? {
    var members: [(total: Double, form: LogarithmForm)]? = [], total: Double? = 0
    for (position, weight) in weights.enumerated() {
      guard let facts = self[position], facts.form == .plain, type(position)?.shape == result.shape else { return nil }
      total = total.flatMap { sum in facts.total.map { sum + weight * $0 } }
      members = members.flatMap { list in
        facts.total.flatMap { total in facts.logarithm.map { list + [(weight * total, $0)] } }
      }
    }
    return nonnegative(total: total, logarithm: members.flatMap(LogarithmForm.mixture))
  }
}

extension Shape {
  /// Whether the first axis is the batch that types were made for.
  var isBatch: Bool { rank > 0 && self[0] == RowsCall.rows }
  /// Numbers of one row.
  var rowCount: Int { isBatch ? count / RowsCall.rows : 0 }
  /// The only axis behind the batch that is longer than 1, if there is at most one; then the order of a row is that
  /// along it.
  var onlyAxis: Int? {
    let long = dimensions.indices.dropFirst().filter { self[$0] > 1 }
    return long.count == 1 ? long.first : nil
  }
}

/// Appends to a graph what its logits are computed by.
private struct LogitsTail {
  private(set) var graph: Graph
  init(_ graph: Graph) { self.graph = graph }

  mutating func expose(_ form: LogarithmForm) { graph.outputs[0].value = matrix(form.tree) }

  /// Where there is no better way: ln of what is above 0, of the rest that of the least float.
  mutating func exposeLogarithm(of value: ValueID) {
    let least = constant(.float(Tensor([], [.leastNormalMagnitude])))
    graph.outputs[0].value = apply(Log(), [apply(Max(), [value, least])])
  }

  /// [0, z] of a score z, or of its negative.
  mutating func exposePair(_ score: ValueID, negated: Bool = false) {
    let z = apply(Flatten(), [score])
    // Constants of rank 0 are numbers of a formula, not weights of the model.
    let none = apply(Mul(), [z, constant(.float(Tensor([], [0])))])
    graph.outputs[0].value = apply(Concat(axis: 1), [none, negated ? apply(Neg(), [z]) : z])
  }

  /// [0, z] of what is z, p or ln p.
  mutating func exposePair(of value: ValueID, _ kind: OutputKind) {
    guard kind != .logits else { return exposePair(value) }
    let least = constant(.float(Tensor([], [.leastNormalMagnitude]))), one = constant(.float(Tensor([], [1])))
    let p = kind == .logProbabilities ? apply(Exp(), [value]) : value
    let logarithms = [p, apply(Sub(), [one, p])].map { apply(Log(), [apply(Max(), [$0, least])]) }
    exposePair(apply(Sub(), logarithms))
  }

  /// [batch, numbers of a row].
  private mutating func matrix(_ tree: LogarithmForm.Tree) -> ValueID {
    switch tree {
    case .value(let value): return apply(Flatten(), [value])
    case .sigmoid(let value, let negated):
      let z = apply(Flatten(), [value])
      return apply(Neg(), [apply(Softplus(), [negated ? z : apply(Neg(), [z])])])
    case .picked(let inner, let places):
      let numbers = constant(.int64([places.count], places.map(Int64.init)))
      return apply(Gather(axis: 1), [matrix(inner), numbers])
    case .joined(let parts):
      var values: [ValueID] = []
      for part in parts { values.append(matrix(part)) }
      return apply(Concat(axis: 1), values)
    case .mixture(let members):
      var logarithms: [ValueID] = []
      for (weight, member) in members {
        let own = apply(LogSoftmax(), [matrix(member)])
        logarithms.append(apply(Add(), [own, constant(.float(Tensor([], [Float(log(weight))])))]))
      }
      let top = apply(Max(), logarithms)
      let terms = logarithms.map { apply(Exp(), [apply(Sub(), [$0, top])]) }
      return apply(Add(), [top, apply(Log(), [apply(Sum(), terms)])])
    }
  }

  private mutating func apply(_ op: any Op, _ inputs: [ValueID]) -> ValueID {
    let output = newValue("logits_\(graph.valueNames.count)")
    graph.nodes.append(Node(name: "\(type(of: op))_\(graph.nodes.count)", op: op, inputs: inputs, outputs: [output]))
    return output
  }

  private mutating func constant(_ literal: Literal) -> ValueID {
    let value = newValue("logits_constant_\(graph.valueNames.count)")
    graph.literals[value] = literal
    return value
  }

  private mutating func newValue(_ name: String) -> ValueID {
    graph.valueNames.append(name)
    return ValueID(graph.valueNames.count - 1)
  }
}
