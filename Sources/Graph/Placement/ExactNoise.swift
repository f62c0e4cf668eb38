import DitherBasics
import DitherTensor

/// How weight noise is computed.
public enum NoisePath: Sendable, Hashable {
  /// Every row and sample has a draw of every weight of its own, in distribution exactly: at the outputs where that is
  /// cheaper (dense layers, convolutions of few positions), else by drawing the weights. What models are served with.
  case fresh
  /// As fresh in dense layers, of Gaussian noise exactly, of others with one draw and signs of each row's own where
  /// that was asked for (`draws: example`); other layers draw their weights once for all rows of a run: what models are
  /// trained with.
  case exact
  /// Every weight is drawn, once for all rows of a run, at the first row's address: the reference, for callers who
  /// compare inputs, and the only way where an op does not know another one.
  case explicit
}

extension Placement {
  /// The node with noise on its weights: at its outputs where that is exact, else in the weights.
  mutating func replay(_ node: Node, _ inputs: [Value?], withNoiseOnWeights terms: [PlacedTerm]) throws(GraphError)
    -> [Value]
  {
    let takesExact = path != .explicit && node.op.takesExactNoise(inputs.map { $0?.type })
    let isExact = { (placed: PlacedTerm) in
      takesExact && placed.term.isGaussian && placed.term.draws != .batch && !placed.isShared
    }
    let hasRows = samples == 1 && inputs.first??.shape[0] == rows
    let isTurned = { [path] (placed: PlacedTerm) in
      path == .exact && hasRows && takesExact && !isExact(placed) && placed.term.hasFreeSigns
        && placed.term.draws == .example && !placed.isShared
    }
    let exact = terms.filter(isExact), turned = terms.filter(isTurned)
    let drawn = terms.filter { !isExact($0) && !isTurned($0) }
    // A noise that multiplies or replaces meets what was added before it, so then all are drawn.
    if !exact.isEmpty || !turned.isEmpty, drawn.contains(where: { $0.term.combination != .adds }) {
      return try replay(node, inputs, drawing: terms)
    }
    var values = try drawn.isEmpty ? replay(node, inputs) : replay(node, inputs, drawing: drawn)
    for placed in turned { values[0] = try values[0] + turnedNoise(node, inputs, placed) }
    guard !exact.isEmpty else { return values }
    let call = Call(name: node.name, inputs: .init(values: inputs), outputs: values)
    let isExpanded = isExpanded(inputs)
    guard let (deviation, strength) = try deviation(node.op, call, exact) else { return values }
    values[0] =
      try builder.apply(
        AddRowNoise(
          site: exact[0].site, term: strength, repeats: isExpanded ? 1 : samples, spread: isExpanded ? samples : 1),
        [values[0], deviation])[0]
    expanded.insert(values[0].id)
    return values
  }

  /// The standard deviation at the outputs, and the term whose strength multiplies it; nil: all strengths are in it.
  /// Independent terms: variances add.
  private func deviation(_ op: any Op, _ call: Call, _ terms: [PlacedTerm]) throws(GraphError) -> (
    Value, strength: Int?
  )? {
    var found: [(deviation: Value, placed: PlacedTerm)] = []
    for placed in terms {
      let learned = try placed.learned?.value(in: builder)
      if let deviation = try op.exactDeviation(call, placed.term, learned) { found.append((deviation, placed)) }
    }
    guard let first = found.first else { return nil }
    guard found.count > 1 else { return (first.deviation, first.placed.position) }
    var sum: Value?
    for (deviation, placed) in found {
      let isScheduled = placed.term.schedule != nil
      let own = isScheduled ? try deviation * builder.apply(Strength(term: placed.position), [])[0] : deviation
      let variance = try own.map(.square)
      sum = try sum.map { sum throws(GraphError) in try sum + variance } ?? variance
    }
    return try sum.map { sum throws(GraphError) in (try sum.map(.squareRoot), nil) }
  }
}
