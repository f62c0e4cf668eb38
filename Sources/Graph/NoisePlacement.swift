import DitherBasics
import DitherTensor

/// How weight noise is computed.
public enum NoisePath: Sendable, Hashable {
  /// Every row and sample has a draw of every weight of its own, in distribution exactly: at the outputs where that is cheaper
  /// (dense layers, convolutions of few positions), else by drawing the weights. What models are served with.
  case fresh
  /// As fresh in dense layers; other layers draw their weights once for all rows of a run: what models are trained with.
  case exact
  /// Every weight is drawn, once for all rows of a run, at the first row's address: the reference, for callers who compare
  /// inputs, and the only way where an op does not know another one.
  case explicit
}

extension GraphBuilder {
  /// Replays `stored` with its noise in place.
  ///
  /// Values before the first noise have `rows` rows, values behind it rows · samples: row s · rows + r is draw s of row r.
  /// Draws depend on the node, the kind of place and which of that place's terms it is, not on what else is noisy. The scale of a
  /// term at a node's weights is that of the weights without noise.
  func place(_ noise: NoiseModel, of stored: Graph, path: NoisePath, samples: Int, differentiable: Bool = false)
    throws(GraphError)
  {
    try noise.validate()
    guard stored.nodes.count <= DrawSite.nodeLimit, stored.valueNames.count <= DrawSite.valueLimit else {
      throw GraphError(
        .tooLarge, at: "noise", expected: "at most \(DrawSite.nodeLimit) nodes and \(DrawSite.valueLimit) values",
        got: "\(stored.nodes.count) and \(stored.valueNames.count)")
    }
    let terms = noise.numberedTerms, weightTerms = terms.filter { $0.term.site == .weights }
    var expanded = Set<ValueID>()
    var number = -1

    for input in stored.inputs {
      replayed[input.value] = self.input(input.name, batched: input.dimensions, element: input.element)
    }
    for input in stored.inputs where input.element == .float32 {
      for (number, term) in terms where term.site == .input {
        guard let value = replayed[input.value] else { continue }
        let noisy = try addNoise(
          value, term, site: DrawSite(.input(input.value.index), term: number), samples, &expanded)
        replayed[input.value] = noisy
      }
    }
    for id in stored.literals.keys.sorted(by: { $0.index < $1.index }) {
      guard let literal = stored.literals[id] else { continue }
      replayed[id] = constant(literal, stored.valueNames[id.index])
    }
    let constants = Set(stored.literals.keys.compactMap { replayed[$0]?.id })

    for node in stored.nodes {
      number += 1
      let place = node.number ?? number, normalizationPlace = node.folded?.number ?? place
      var inputs: [Value?] = []
      for input in node.inputs { inputs.append(input.flatMap { replayed[$0] }) }
      // Rows meet rows · samples: repeat the former.
      if samples > 1, inputs.contains(where: { $0.map { expanded.contains($0.id) } ?? false }) {
        for i in inputs.indices {
          if let value = inputs[i], !expanded.contains(value.id), !constants.contains(value.id), value.shape.rank > 0,
            value.shape[0] == rows, value.type.element == .float32
          {
            let repeated = try value.apply(RepeatRows(times: samples))
            expanded.insert(repeated.id)
            inputs[i] = repeated
          }
        }
      }
      let isExpanded = inputs.contains { $0.map { expanded.contains($0.id) } ?? false }

      var exactTerms: [NumberedTerm] = [], drawnTerms: [NumberedTerm] = []
      var drawn: Value?
      let cleanInputs = inputs
      if !weightTerms.isEmpty, let position = node.op.weightInput, position < inputs.count,
        let weights = inputs[position], constants.contains(weights.id)
      {
        for term in weightTerms {
          if path != .explicit, term.term.isGaussian, node.op.takesExactNoise(inputs.map { $0?.type }) {
            exactTerms.append(term)
          } else {
            drawnTerms.append(term)
          }
        }
        let scale = node.folded.flatMap { replayed[$0.scale] }
        var draws = WeightDraws(terms: drawnTerms, node: place, layerDeviation: node.folded?.weightDeviation)
        if draws.layerDeviation == nil, case .float(let tensor)? = graph.literals[weights.id] {
          draws.layerDeviation = tensor.elements.withUnsafeBufferPointer { elements in
            elements.baseAddress.map { standardDeviation($0, elements.count) }
          }
        }
        if !drawnTerms.isEmpty, path == .fresh {
          let spread = SampleSpread(rows: rows, spread: isExpanded ? samples : 1, repeats: isExpanded ? 1 : samples)
          drawn = try (node.op as? any WeightDrawing)?.drawingWeights(
            inputs, scale: scale, draws, spread, differentiable: differentiable)
        }
        if !drawnTerms.isEmpty, drawn == nil {
          guard samples == 1, path != .fresh || rows == 1 else {
            throw GraphError(
              .noise, at: "node '\(node.name.clipped())'", expected: "one sample a run where weights are drawn",
              got: "\(samples) of \(rows) rows")
          }
          if path == .exact { draws.layerDeviation = node.folded?.weightDeviation }  // the weights may move
          inputs[position] = try apply(WeightNoise(draws: draws), [weights, scale])[0]
        }
      }
      var values: [Value]
      if let drawn {
        values = [drawn]
        expanded.insert(drawn.id)
      } else {
        values = try replay(node, inputs, names: node.outputs.map { stored.valueNames[$0.index] })
      }
      if isExpanded { expanded.formUnion(values.map(\.id)) }
      let call = Call(name: node.name, inputs: .init(values: cleanInputs), outputs: values)
      var deviations: [Value] = []
      for (_, term) in exactTerms {
        if let deviation = try node.op.exactDeviation(call, term) { deviations.append(deviation) }
      }
      if let first = deviations.first {
        // Independent terms: variances add.
        var deviation = first
        if deviations.count > 1 {
          var variance = try first.map(.square)
          for other in deviations.dropFirst() { variance = try variance + other.map(.square) }
          deviation = try variance.map(.squareRoot)
        }
        let times = isExpanded ? 1 : samples
        values[0] =
          try apply(
            AddRowNoise(
              site: DrawSite(.node(place, kind: 0), term: exactTerms[0].number).number, repeats: times,
              spread: isExpanded ? samples : 1), [values[0], deviation])[0]
        expanded.insert(values[0].id)
      }
      for (number, term) in terms {
        if term.site == .activations && node.op.isActivation {
          let site = DrawSite(.node(place, kind: 1), term: number)
          values[0] = try addNoise(values[0], term, site: site, samples, &expanded)
        }
        if term.site == .afterNormalisation && (node.op.isNormalisation || node.folded != nil) {
          let site = DrawSite(.node(normalizationPlace, kind: 2), term: number)
          values[0] = try addNoise(values[0], term, site: site, samples, &expanded)
        }
      }
      for (id, value) in zip(node.outputs, values) { replayed[id] = value }
    }
    // What no noise reached is the same in every sample.
    for output in stored.outputs {
      guard samples > 1, let value = replayed[output.value], !expanded.contains(value.id),
        value.type.element == .float32, value.shape.rank > 0, value.shape[0] == rows
      else { continue }
      let repeated = try value.apply(RepeatRows(times: samples))
      expanded.insert(repeated.id)
      replayed[output.value] = repeated
    }
  }

  /// value + sigma · draws, rows repeated for the samples if that has not happened yet.
  private func addNoise(
    _ value: Value, _ term: NoiseModel.Term, site: DrawSite, _ samples: Int, _ expanded: inout Set<ValueID>
  ) throws(GraphError) -> Value {
    var value = value
    let spread = samples
    if !expanded.contains(value.id), samples > 1 { value = try value.apply(RepeatRows(times: samples)) }
    let draws = try apply(
      Draw(
        shape: value.shape, distribution: term.distribution, sigma: term.sigma, site: site.number, rows: rows,
        samples: spread),
      [])[0]
    let isSymmetric = type(of: try term.noise).isSymmetric
    let deviation =
      term.scale == .absolute
      ? try term.sigma * draws : try term.sigma * ((isSymmetric ? value.map(.abs) : value) * draws)
    let noisy = try value + deviation
    expanded.insert(noisy.id)
    return noisy
  }
}
