import DitherTensor

/// The facts known of a value's numbers, a row of the batch at a time. They are said of numbers s ≥ 0 of which the
/// value has these, their logarithms or their negatives.
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
  /// The sum of each row.
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

  /// Numbers whose sum is another than 1, as percentages have, stand for their shares of it.
  var kind: OutputKind? {
    switch form {
    case .plain: total.map { $0 > 0 && $0.isFinite } ?? areShares ? .probabilities : nil
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
    /// The numbers of that value.
    case value(ValueID)
    /// ln sigmoid(z), or of −z.
    case sigmoid(of: ValueID, negated: Bool)
    /// In another order, or some of them: by their places in a row.
    case picked(Tree, [Int])
    /// Several forms, joined one behind another.
    case joined([Tree])
    /// ln Σ w · softmax.
    case mixture([(weight: Double, member: Tree)])
  }
  let tree: Tree
  /// Whether it gives ln s itself; else ln s plus some number for each row, as logits do.
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

  /// The form of a sum of rows that add up to these totals.
  static func mixture(_ members: [(total: Double, form: LogarithmForm)]) -> LogarithmForm? {
    guard members.allSatisfy({ $0.total > 0 && $0.total.isFinite }) else { return nil }
    return LogarithmForm(
      .mixture(members.map { ($0.total, $0.form.tree) }), exact: true, of: members.map(\.form))
  }

  /// The form of one less the numbers.
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

  /// The facts known of the first operand, where each row of the result has the same numbers in the same order.
  var sameRows: RowFacts? {
    guard let from = type(0)?.shape, from == result.shape || from.isBatch && result.shape.isBatch else { return nil }
    return self[0]
  }

  /// Facts of new numbers.
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

  /// Facts of a sum of operands of one shape, each times its weight.
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
