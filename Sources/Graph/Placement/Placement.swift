import DitherBasics
import DitherTensor

/// Replays a graph with its noise in place: the walk over the graph. `ExactNoise` and `DrawnNoise` say what is put at a
/// place.
///
/// Values before the first noise have `rows` rows, values behind it rows · samples: row s · rows + r is draw s of row
/// r. Terms at one place act one after the other, and their scales are those of the value without noise.
struct Placement {
  let builder: GraphBuilder
  let stored: Graph
  let path: NoisePath
  let samples: Int
  /// Whether the result must have gradients for its inputs.
  let isDifferentiable: Bool
  /// Which terms go where.
  private let terms: [NoisePlace.Target: [PlacedTerm]]
  /// The members' numbers, where the model is one of several.
  private let members: [ParameterSamples]
  /// The values that have rows · samples rows.
  var expanded = Set<ValueID>()
  private var constants = Set<ValueID>()

  init(
    _ noise: NoiseModel, of stored: Graph, in builder: GraphBuilder, path: NoisePath, samples: Int,
    differentiable: Bool
  ) throws(GraphError) {
    try noise.validate()
    guard stored.nodes.count <= DrawSite.nodeLimit, stored.valueNames.count <= DrawSite.valueLimit else {
      throw GraphError(
        .tooLarge, at: "noise", expected: "at most \(DrawSite.nodeLimit) nodes and \(DrawSite.valueLimit) values",
        got: "\(stored.nodes.count) and \(stored.valueNames.count)")
    }
    self.builder = builder
    self.stored = stored
    self.path = path
    self.samples = samples
    isDifferentiable = differentiable
    terms = try noise.placed(in: stored)
    members = try ParameterSamples.all(of: noise, in: stored)
    guard members.isEmpty || samples == 1 && (path != .fresh || builder.rows == 1) else {
      throw GraphError(
        .noise, at: "noise, 'members'", expected: "one sample a run, of rows of one seed",
        got: "\(samples) of \(builder.rows) rows")
    }
  }

  var rows: Int { builder.rows }

  func terms(at target: NoisePlace.Target) -> [PlacedTerm] { terms[target] ?? [] }

  mutating func run() throws(GraphError) {
    try placeInputs()
    for id in stored.literals.keys.sorted(by: { $0.index < $1.index }) {
      guard let literal = stored.literals[id] else { continue }
      builder.replayed[id] = builder.constant(literal, stored.valueNames[id.index])
    }
    for member in members {
      guard let samples = builder.replayed[member.samples] else { continue }
      builder.replayed[member.parameter] = try builder.apply(PickMember(), [samples])[0]
    }
    constants = Set(stored.literals.keys.compactMap { builder.replayed[$0]?.id })
    for (position, node) in stored.nodes.enumerated() { try place(node, position) }
    try repeatOutputs()
  }

  private mutating func placeInputs() throws(GraphError) {
    for input in stored.inputs {
      let value = builder.input(input.name, batched: input.dimensions, element: input.element)
      builder.replayed[input.value] = try noisy(value, terms(at: .input(input.value)))
    }
  }

  private mutating func place(_ node: Node, _ position: Int) throws(GraphError) {
    var inputs: [Value?] = []
    for input in node.inputs { inputs.append(input.flatMap { builder.replayed[$0] }) }
    try repeatRows(&inputs)
    let weighted = terms(at: .weights(position))
    var values =
      try weighted.isEmpty ? replay(node, inputs) : replay(node, inputs, withNoiseOnWeights: weighted)
    let behind = terms(at: .output(position))
    if !behind.isEmpty { values[0] = try noisy(values[0], behind) }
    for (id, value) in zip(node.outputs, values) { builder.replayed[id] = value }
  }

  /// The node as it is.
  mutating func replay(_ node: Node, _ inputs: [Value?]) throws(GraphError) -> [Value] {
    let values = try builder.replay(node, inputs, names: node.outputs.map { stored.valueNames[$0.index] })
    if isExpanded(inputs) { expanded.formUnion(values.map(\.id)) }
    return values
  }

  func isExpanded(_ inputs: [Value?]) -> Bool { inputs.contains { $0.map { expanded.contains($0.id) } ?? false } }

  /// Where rows meet rows · samples, the former are repeated.
  private mutating func repeatRows(_ inputs: inout [Value?]) throws(GraphError) {
    guard samples > 1, isExpanded(inputs) else { return }
    for i in inputs.indices {
      if let value = inputs[i], !constants.contains(value.id), hasPlainRows(value) { inputs[i] = try repeated(value) }
    }
  }

  /// A value that no noise reached is the same in every sample.
  private mutating func repeatOutputs() throws(GraphError) {
    guard samples > 1 else { return }
    for output in stored.outputs {
      if let value = builder.replayed[output.value], hasPlainRows(value) {
        builder.replayed[output.value] = try repeated(value)
      }
    }
  }

  private func hasPlainRows(_ value: Value) -> Bool {
    !expanded.contains(value.id) && value.type.element == .float32 && value.shape.rank > 0 && value.shape[0] == rows
  }

  mutating func repeated(_ value: Value) throws(GraphError) -> Value {
    let repeated = try value.apply(RepeatRows(times: samples))
    expanded.insert(repeated.id)
    return repeated
  }
}

/// A term at a place.
struct PlacedTerm {
  let position: Int
  let term: NoiseTerm
  /// The site of its draws.
  let site: UInt32
  /// Whether other places have the same draws, so that these weights must be drawn.
  let isShared: Bool
  /// The factors on its sigma that were trained.
  var learned: LearnedDeviation?
  /// Their numbers, one for each weight, where weights are drawn in a kernel.
  var factors: [Float]?
}

extension NoiseModel {
  /// Checks that every term has a place in the graph, as files and recipes must; studies of noise models need not.
  /// - Throws: where a term is for a site or for layers that the graph has not, so that it would do nothing.
  public func checkSites(in graph: Graph) throws(GraphError) {
    for numbered in numberedTerms where numbered.term.site.places(graph).isEmpty {
      let known = Catalog<NoiseSite>.sites.entries.filter { !$0.places(graph).isEmpty }.map(\.name)
      throw GraphError(
        .noise, at: "noise, term \(numbered.position + 1), 'site'",
        expected: "a site that the model has: \(known.joined(separator: ", "))", got: "'\(numbered.term.site.name)'")
    }
    _ = try ParameterSamples.all(of: self, in: graph)
    for terms in try placed(in: graph).values {
      for placed in terms { try placed.learned?.check(in: graph) }
    }
  }

  /// The places that each term changes in a graph, by the name of the layer, the parameter or the input; none of a term
  /// that does nothing.
  public func places(in graph: Graph) -> [[String]] {
    terms.map { term in
      term.isActive ? term.site.places(graph).map(\.names).filter(term.reaches).compactMap(\.first) : []
    }
  }

  /// Which terms go where in a graph.
  /// - Throws: when a pattern of layers fits none of the names at its site.
  func placed(in graph: Graph) throws(GraphError) -> [NoisePlace.Target: [PlacedTerm]] {
    var placed: [NoisePlace.Target: [PlacedTerm]] = [:]
    let constants = terms.contains { $0.learned != nil } ? graph.constantNames : [:]
    for numbered in numberedTerms {
      let term = numbered.term, places = term.site.places(graph), reached = places.filter { term.reaches($0.names) }
      if let pattern = term.layers, reached.isEmpty {
        let names = places.flatMap(\.names)
        throw GraphError(
          .noise, at: "noise, term \(numbered.position + 1), 'layers'",
          expected: "a pattern of \(names.isEmpty ? "names" : names.joined(separator: ", ").clipped())",
          got: "'\(pattern.clipped())'", advice: nearest(to: pattern, among: names).map { "did you mean '\($0)'?" })
      }
      for place in reached {
        let site = DrawSite(place.address, term: numbered.number).number
        let learned = try term.learned.map { kind throws(GraphError) in
          try LearnedDeviation(kind, place.weights, of: numbered.position, in: graph, constants)
        }
        placed[place.target, default: []].append(
          PlacedTerm(
            position: numbered.position, term: term, site: site, isShared: place.isShared, learned: learned))
      }
    }
    for terms in placed.values { try LearnedDeviation.checkTogether(terms) }
    return placed
  }
}
