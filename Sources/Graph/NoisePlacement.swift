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
  /// A site is 8 · the node's number + the kind of place, so it does not depend on what else is noisy.
  func place(_ noise: NoiseModel, of stored: Graph, path: NoisePath, samples: Int, differentiable: Bool = false)
    throws(GraphError)
  {
    try noise.validate()
    var weightTerms: [NoiseModel.Term] = []
    for term in noise.terms where term.site == .weights && term.sigma > 0 { weightTerms.append(term) }
    var expanded = Set<ValueID>()
    var number = -1

    for input in stored.inputs {
      replayed[input.value] = self.input(input.name, batched: input.dimensions, element: input.element)
    }
    for input in stored.inputs where input.element == .float32 {
      for term in noise.terms where term.site == .input && term.sigma > 0 {
        guard let value = replayed[input.value] else { continue }
        let noisy = try addNoise(
          value, term, site: 0xFFFF_0000 | UInt32(input.value.index & 0xFFFF), samples, &expanded)
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
      let site = UInt32(truncatingIfNeeded: node.number ?? number) &* 8
      let foldedSite = node.folded.map { UInt32(truncatingIfNeeded: $0.number) &* 8 }
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

      var exactTerms: [NoiseModel.Term] = [], drawnTerms: [NoiseModel.Term] = []
      var drawn: Value?
      if !weightTerms.isEmpty, let position = node.op.weightInput, position < inputs.count,
        let weights = inputs[position], constants.contains(weights.id)
      {
        for term in weightTerms {
          if path != .explicit, term.isGaussian, node.op.takesExactNoise(inputs.map { $0?.type }) {
            exactTerms.append(term)
          } else {
            drawnTerms.append(term)
          }
        }
        let scale = node.folded.flatMap { replayed[$0.scale] }
        var draws = WeightDraws(terms: drawnTerms, site: site, layerDeviation: node.folded?.weightDeviation)
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
      for term in exactTerms {
        let call = Call(name: node.name, inputs: .init(values: inputs), outputs: values)
        guard let deviation = try node.op.exactDeviation(call, term) else { continue }
        let times = isExpanded ? 1 : samples
        values[0] =
          try apply(AddRowNoise(site: site, repeats: times, spread: isExpanded ? samples : 1), [values[0], deviation])[0]
        expanded.insert(values[0].id)
      }
      for term in noise.terms where term.sigma > 0 {
        if term.site == .activations && node.op.isActivation {
          values[0] = try addNoise(values[0], term, site: site + 1, samples, &expanded)
        }
        if term.site == .afterNormalisation && (node.op.isNormalisation || foldedSite != nil) {
          values[0] = try addNoise(values[0], term, site: (foldedSite ?? site) + 2, samples, &expanded)
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
    _ value: Value, _ term: NoiseModel.Term, site: UInt32, _ samples: Int, _ expanded: inout Set<ValueID>
  ) throws(GraphError) -> Value {
    var value = value
    let spread = samples
    if !expanded.contains(value.id), samples > 1 { value = try value.apply(RepeatRows(times: samples)) }
    let draws = try apply(
      Draw(
        shape: value.shape, distribution: term.distribution, sigma: term.sigma, site: site, rows: rows, samples: spread),
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
