import DitherBasics
import DitherTensor

/// Sums of products in Einstein's notation, as "bij,bjk->bik": two operands at a time, each pair as one product of
/// matrices.
/// - Source: ONNX `Einsum`, opsets 12–28. Letters and an ellipsis; of a letter twice in one term the diagonal.
struct Einsum: Composite {
  static let onnx = OnnxName("Einsum", since: 12)
  private let equation: String
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("equation")
    equation = try node.string("equation", default: "")
    guard !equation.isEmpty, equation.utf8.count <= 256 else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'equation'", expected: "1 to 256 characters",
        got: "\(equation.utf8.count)")
    }
  }
  func write(to node: inout OnnxNode) { node["equation"] = .string(equation) }

  /// One axis of a term: a letter, or an axis of the ellipsis, counted from its last.
  private enum Label: Hashable, Comparable {
    case ellipsis(Int)
    case letter(Character)
  }
  /// An operand, or what came of several.
  private struct Term {
    var value: Value
    var labels: [Label]
    func extent(_ label: Label) -> Int? { labels.firstIndex(of: label).map { value.shape[$0] } }
  }

  /// Another operand may have the batch on an axis of its own: a sum over this one's would meet it there.
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    guard let (terms, result) = try? terms(), terms.indices.contains(input),
      let own = try? labels(terms[input], rank: types.rank(input)), own.indices.contains(axis)
    else { return true }
    var others: [[Label]] = []
    for (index, term) in terms.enumerated() {
      guard let found = try? labels(term, rank: types.rank(index)) else { return true }
      others.append(found)
    }
    guard let kept = try? output(result, others) else { return true }
    return !kept.contains(own[axis])
  }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let (texts, result) = try terms()
    guard texts.count == inputs.count, (1...8).contains(inputs.count) else {
      throw refused("an equation of 1 to 8 terms, one for each input", "\(texts.count) for \(inputs.count)")
    }
    var operands: [Term] = []
    for (index, text) in texts.enumerated() {
      let x = try inputs.float(index, "input \(index)", rank: 0...8)
      operands.append(Term(value: x, labels: try labels(text, rank: x.shape.rank)))
    }
    var extents: [Label: Int] = [:]
    for operand in operands {
      for (label, extent) in zip(operand.labels, operand.value.shape.dimensions) {
        guard extents.updateValue(extent, forKey: label) ?? extent == extent else {
          throw GraphError(
            .shape, at: "inputs", expected: "one extent for each letter of '\(equation.clipped())'",
            got: operands.map { "\($0.value.shape)" }.joined(separator: ", "))
        }
      }
    }
    let wanted = try output(result, operands.map(\.labels))
    for label in wanted where extents[label] == nil {
      throw refused("letters of the result among the terms'", equation)
    }
    for at in operands.indices { operands[at] = try Self.diagonal(operands[at]) }
    while operands.count > 1 {
      let b = operands.removeLast(), a = operands.removeLast()
      let later = Set(wanted).union(operands.flatMap(\.labels))
      operands.append(try Self.product(a, b, keeping: later))
    }
    let last = try Self.summed(operands[0], keeping: Set(wanted))
    let order = wanted.compactMap { last.labels.firstIndex(of: $0) }
    return [order == Array(0..<order.count) ? try last.value.copied() : try last.value.apply(Transpose(order))]
  }

  // MARK: the equation

  private func refused(_ expected: String, _ got: String) -> GraphError {
    GraphError(.attribute, at: "attribute 'equation'", expected: expected, got: "'\(got.clipped())'")
  }

  private func terms() throws(GraphError) -> (terms: [String], result: String?) {
    let text = String(equation.filter { $0 != " " })
    let sides = text.split(separator: "->", omittingEmptySubsequences: false)
    guard sides.count <= 2, let left = sides.first else { throw refused("at most one '->'", equation) }
    return (
      left.split(separator: ",", omittingEmptySubsequences: false).map(String.init),
      sides.count == 2 ? String(sides[1]) : nil
    )
  }

  /// A term's labels; `rank`: of its operand, nil of the result, whose ellipsis has `hidden` axes.
  private func labels(_ term: String, rank: Int?, hidden: Int = 0) throws(GraphError) -> [Label] {
    var rest = Substring(term), found: [Label] = [], hasEllipsis = false
    let letters = term.replacing("...", with: "").count
    while let next = rest.first {
      if rest.hasPrefix("..."), !hasEllipsis {
        hasEllipsis = true
        rest.removeFirst(3)
        let axes = rank.map { $0 - letters } ?? hidden
        guard axes >= 0 else { throw refused("no more letters than axes", term) }
        found += (0..<axes).map { .ellipsis(axes - 1 - $0) }
      } else if next.isASCII, next.isLetter {
        rest.removeFirst()
        found.append(.letter(next))
      } else {
        throw refused("letters, ',', '->' and one '...' a term", term)
      }
    }
    guard rank != nil || Set(found).count == found.count else { throw refused("no letter twice in the result", term) }
    if let rank, found.count != rank { throw refused("a letter for each of \(rank) axes", term) }
    return found
  }

  /// Without '->': the ellipsis, then the letters that come once, in their order.
  private func output(_ result: String?, _ operands: [[Label]]) throws(GraphError) -> [Label] {
    let all = operands.flatMap { $0 }
    let hidden = all.reduce(0) { if case .ellipsis(let axis) = $1 { max($0, axis + 1) } else { $0 } }
    if let result { return try labels(result, rank: nil, hidden: hidden) }
    let once = Set(all).filter { label in
      if case .letter = label { all.count { $0 == label } == 1 } else { false }
    }
    return (0..<hidden).map { .ellipsis(hidden - 1 - $0) } + once.sorted()
  }

  // MARK: products

  /// The term with each letter once: of axes that have the same letter, and so one extent, where they agree.
  private static func diagonal(_ term: Term) throws(GraphError) -> Term {
    var value = term.value, labels = term.labels, at = 1
    while at < labels.count {
      guard let first = labels[..<at].firstIndex(of: labels[at]) else {
        at += 1
        continue
      }
      var order = Array(0..<value.shape.rank)
      order.insert(order.remove(at: at), at: first + 1)
      let extent = value.shape[first], moved = at == first + 1 ? value : try value.apply(Transpose(order))
      var joined = moved.shape.dimensions
      joined[first] = extent * extent
      joined.remove(at: first + 1)
      var region = Region(Shape(joined))
      (region.steps[first], region.counts[first]) = (extent + 1, extent)
      value = try moved.viewed(as: Shape(joined)).apply(Cut(region))
      labels.remove(at: at)
    }
    return Term(value: value, labels: labels)
  }

  /// The term without the labels that nobody asks for.
  private static func summed(_ term: Term, keeping kept: Set<Label>) throws(GraphError) -> Term {
    guard term.labels.contains(where: { !kept.contains($0) }) else { return term }
    var reduced = term.value.shape
    for (axis, label) in term.labels.enumerated() where !kept.contains(label) { reduced[axis] = 1 }
    let labels = term.labels.filter(kept.contains)
    let shape = Shape(labels.compactMap(term.extent))
    return Term(value: try term.value.summed(to: reduced).viewed(as: shape), labels: labels)
  }

  private static func product(_ a: Term, _ b: Term, keeping later: Set<Label>) throws(GraphError) -> Term {
    let ownA = Set(a.labels), ownB = Set(b.labels)
    let a = try summed(a, keeping: later.union(ownB)), b = try summed(b, keeping: later.union(ownA))
    let shared = a.labels.filter { ownB.contains($0) }
    let batch = shared.filter(later.contains), sums = shared.filter { !later.contains($0) }
    let rows = a.labels.filter { !ownB.contains($0) }, columns = b.labels.filter { !ownA.contains($0) }
    func matrices(_ term: Term, _ first: [Label], _ second: [Label]) throws(GraphError) -> Value {
      let order = (batch + first + second).compactMap { term.labels.firstIndex(of: $0) }
      let moved = order == Array(0..<order.count) ? term.value : try term.value.apply(Transpose(order))
      func count(_ labels: [Label]) -> Int { labels.reduce(1) { $0 * (term.extent($1) ?? 1) } }
      return try moved.viewed(as: [count(batch), count(first), count(second)])
    }
    let product = try matrices(a, rows, sums).apply(MatMul(), matrices(b, sums, columns))
    let labels = batch + rows + columns
    let extents = labels.map { a.extent($0) ?? b.extent($0) ?? 1 }
    guard extents.count <= 8 else {
      throw GraphError(.shape, at: "inputs", expected: "at most 8 axes at any time", got: "\(extents)")
    }
    return Term(value: try product.viewed(as: Shape(extents)), labels: labels)
  }
}
