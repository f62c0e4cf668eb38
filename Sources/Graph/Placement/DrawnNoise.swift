import DitherBasics
import DitherTensor

extension Placement {
  /// The value with noise, rows repeated for the samples if that has not happened yet.
  mutating func noisy(_ value: Value, _ terms: [PlacedTerm]) throws(GraphError) -> Value {
    guard !terms.isEmpty else { return value }
    let spread = expanded.contains(value.id) ? 1 : samples
    guard value.shape.rank > 0, value.shape.count > 0, (value.shape[0] * spread) % (rows * samples) == 0 else {
      throw GraphError(
        .noise, at: "noise on \(terms[0].term.site.name)", expected: "values that have a row for each example",
        got: "\(value.shape) for \(rows)", advice: "leave these layers out by a pattern of 'layers'")
    }
    let clean = spread > 1 ? try repeated(value) : value
    var noisy = clean
    for placed in terms { noisy = try add(placed, to: noisy, clean) }
    expanded.insert(noisy.id)
    return noisy
  }

  private func add(_ placed: PlacedTerm, to value: Value, _ clean: Value) throws(GraphError) -> Value {
    let term = placed.term
    let draw = Draw(
      shape: value.shape, noise: term.noise, term: placed.position, site: placed.site, rows: rows, samples: samples,
      draws: term.draws ?? .example, fraction: term.fraction)
    let draws = try builder.apply(draw, [])
    switch term.combination {
    case .adds:
      let sigma = term.sigma ?? 0
      return try value + (term.scale == .relative ? sigma * (clean.map(.abs) * draws[0]) : sigma * draws[0])
    case .multiplies: return try value * draws[0]
    case .replaces: return try value * draws[0] + draws[1]
    }
  }

  /// The node with weights that are drawn: for every row and sample where its op knows how to, else once for a run.
  mutating func replay(_ node: Node, _ inputs: [Value?], drawing terms: [PlacedTerm]) throws(GraphError) -> [Value] {
    guard let position = node.op.weightInput, node.weights != nil, let weights = inputs[position] else {
      return try replay(node, inputs)
    }
    let scale = node.folded.flatMap { builder.replayed[$0.scale] }, isExpanded = isExpanded(inputs)
    var draws = WeightDraws(terms: terms, layerDeviation: node.folded?.weightDeviation)
    if path == .fresh, let op = node.op as? any WeightDrawing {
      draws.terms = terms.map { $0.settled(in: stored, weights.shape) }
      draws.layerDeviation = draws.layerDeviation ?? deviation(of: weights)
      let spread = SampleSpread(rows: rows, spread: isExpanded ? samples : 1, repeats: isExpanded ? 1 : samples)
      let drawn = try op.drawingWeights(inputs, scale: scale, draws, spread, differentiable: isDifferentiable)
      expanded.insert(drawn.id)
      return [drawn]
    }
    guard samples == 1, path != .fresh || rows == 1 else {
      throw GraphError(
        .noise, at: "node '\(node.name.clipped())'", expected: "one sample a run where weights are drawn",
        got: "\(samples) of \(rows) rows")
    }
    guard rows == 1 || !terms.contains(where: { $0.term.draws == .example }) else {
      throw GraphError(
        .noise, at: "node '\(node.name.clipped())'", expected: "draws: batch, as its weights are drawn once a step",
        got: "draws: example",
        advice: "dense layers take it of gaussian, uniform, laplace, low_rank and factorized noise")
    }
    // In training the weights move, and their deviation with them.
    if path != .exact { draws.layerDeviation = draws.layerDeviation ?? deviation(of: weights) }
    draws.terms = terms.filter { $0.learned == nil }
    var drawn = inputs,
      sum = draws.terms.isEmpty ? weights : try builder.apply(WeightNoise(draws: draws), [weights, scale])[0]
    for placed in terms {
      guard placed.learned != nil else { continue }
      sum = try sum + noise(placed, weights, scale, node.folded?.weightDeviation).viewed(as: weights.shape)
    }
    drawn[position] = sum
    return try replay(node, drawn)
  }

  /// The noise of a term that adds, of ordinary ops: the gradient of a learned strength goes through them.
  /// - Parameter draws: how many, each for itself: the result is [draws, …] of the weights' shape.
  private func noise(
    _ placed: PlacedTerm, _ weights: Value, _ scale: Value? = nil, _ layerDeviation: Float? = nil, draws: Int = 1
  ) throws(GraphError) -> Value {
    let term = placed.term, shape = weights.shape
    let factors = try placed.learned?.value(in: builder) ?? builder.constant(.float(Tensor([1], [1])))
    let draw = Draw(
      shape: Shape([draws] + shape.dimensions), noise: term.noise, term: placed.position, site: placed.site,
      rows: draws, samples: 1)
    var size = try (term.sigma ?? 0) * term.scaled(factors, by: weights, deviation: layerDeviation)
    if let scale, term.scale != .relative {
      size = try size * scale.viewed(as: Shape([scale.shape.count] + shape.row.dimensions.map { _ in 1 }))
    }
    return try builder.apply(draw, [])[0] * size
  }

  /// Numbers of noise that one layer draws a step, where it has several draws.
  private static let mostDraws = 1 << 20

  /// The rows of a batch that share a draw of so many weights: as few as leave few numbers to draw, and as many in each
  /// group.
  private func sharing(_ weights: Int) -> Int {
    let most = max(Self.mostDraws / max(weights, 1), 1)
    let each = (1...rows).first { rows % $0 == 0 && rows / $0 <= most } ?? rows
    // Few divisors are no reason to share one draw between hundreds.
    return each > 64 && rows <= 4 * most ? 1 : each
  }

  /// The noise of a dense layer at its outputs: a draw of the weights for a few rows each, turned by signs of each
  /// row's own, (x ∘ s) ΔW ∘ r. Source: Wen et al. 2018, Flipout, arXiv 1803.04386, equation 4.
  func turnedNoise(_ node: Node, _ inputs: [Value?], _ placed: PlacedTerm) throws(GraphError) -> Value {
    let x = try inputs.value(0, "A"), weights = try inputs.value(1, "B"), each = sharing(weights.shape.count)
    let groups = rows / each, isTransposed = node.op.weightChannels == 0
    let from = try builder.apply(Signs(shape: x.shape, site: placed.site, part: 0), [])[0]
    let draws = try noise(placed, weights, draws: groups)
    var product = try (x * from).viewed(as: [groups, each, x.shape[1]])
      .apply(MatMul(transposeA: false, transposeB: isTransposed), draws)
    product = try product.viewed(as: [rows, product.shape[2]])
    if node.op.weightFactor != 1 { product = try node.op.weightFactor * product }
    return try product * builder.apply(Signs(shape: product.shape, site: placed.site, part: 1), [])[0]
  }

  private func deviation(of weights: Value) -> Float? {
    guard case .float(let tensor)? = builder.graph.literals[weights.id] else { return nil }
    return tensor.elements.withUnsafeBufferPointer { elements in
      elements.baseAddress.map { standardDeviation($0, elements.count) }
    }
  }
}
