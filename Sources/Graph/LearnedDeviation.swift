import DitherBasics
import DitherTensor
import Foundation

/// The trained strength of a term of noise on one layer's weights: a constant of the graph that no node reads, called
/// after the weights.
///
/// While it is trained, an absolute strength is ln(1 + eᵖ) of numbers p called `<weights>.rho`, and so above 0; one
/// that is relative is a plain factor, of either sign, called `<weights>.sigma`. Files have `<weights>.sigma`, which is
/// never negative. Either is times the term's own sigma, which is 1 in what training saves. Source of ρ: Blundell et
/// al. 2015, arXiv 1505.05424, 3.2.
public struct LearnedDeviation: Sendable {
  /// Behind the weights' name: as it is trained where it is absolute, and as it is served.
  static let logarithmicSuffix = ".rho", plainSuffix = ".sigma"

  /// The constant.
  public let id: ValueID
  /// Whether it holds p, of which the strength is ln(1 + eᵖ).
  public let isLogarithmic: Bool
  /// Its shape, with axes of 1 where weights share a number: it broadcasts to theirs.
  let shape: Shape
  private let term: Int

  /// Whether a parameter of this name is one.
  public static func isName(_ name: String) -> Bool { name.hasSuffix(logarithmicSuffix) || name.hasSuffix(plainSuffix) }

  /// - Parameters:
  ///   - term: its position in the model, for messages.
  ///   - constants: the graph's, by their names.
  /// - Throws: where the graph has no such constant, or one of another shape.
  init(
    _ kind: NoiseTerm.Learned, _ weights: NoisePlace.Weights?, of term: Int, in graph: Graph,
    _ constants: [String: ValueID]
  ) throws(GraphError) {
    let place = "noise, term \(term + 1), 'learned'"
    guard let weights else { throw GraphError(.noise, at: place, expected: "noise on weights", got: "another site") }
    let wanted = Self.shape(kind, weights)
    let names = [weights.name + Self.plainSuffix, weights.name + Self.logarithmicSuffix]
    let found = names.compactMap { constants[$0] }
    guard let id = found.first, found.count == 1, case .float(let tensor)? = graph.literals[id] else {
      throw GraphError(
        .noise, at: place, expected: "one initializer '\(names[0].clipped())' of shape \(wanted.flat)",
        got: found.isEmpty ? "none" : found.count > 1 ? "\(found.count)" : "one of other numbers")
    }
    guard tensor.shape == wanted.flat else {
      throw GraphError(
        .noise, at: "\(place), initializer '\(graph.valueNames[id.index].clipped())'", expected: "\(wanted.flat)",
        got: "\(tensor.shape)")
    }
    self.id = id
    self.term = term
    shape = wanted.broadcast
    isLogarithmic = graph.valueNames[id.index].hasSuffix(Self.logarithmicSuffix)
  }

  /// The shape in which the numbers lie, and the same with axes of 1.
  static func shape(_ kind: NoiseTerm.Learned, _ weights: NoisePlace.Weights) -> (flat: Shape, broadcast: Shape) {
    let whole = weights.shape, ones = [Int](repeating: 1, count: whole.rank)
    switch kind {
    case .element: return (whole, whole)
    case .channel where weights.channels < whole.rank:
      var extents = ones
      extents[weights.channels] = whole[weights.channels]
      return ([whole[weights.channels]], Shape(extents))
    case .layer, .channel: return ([1], Shape(ones))
    }
  }

  /// The numbers of a model as it is served.
  /// - Throws: where one is negative or infinite: no deviation is.
  func check(in graph: Graph) throws(GraphError) {
    guard case .float(let tensor)? = graph.literals[id] else { return }
    let range: ClosedRange<Float> = isLogarithmic ? -1e6...1e6 : 0...1e6
    guard let at = tensor.elements.firstIndex(where: { !range.contains($0) }) else { return }
    throw GraphError(
      .noise, at: "noise, term \(term + 1), initializer '\(graph.valueNames[id.index].clipped())'",
      expected: "deviations from \(Int(range.lowerBound)) to 1e6", got: "\(tensor.elements[at]) at element \(at)")
  }

  /// Where there are learned strengths, all noise on those weights adds, and one term learns.
  static func checkTogether(_ terms: [PlacedTerm]) throws(GraphError) {
    guard let first = terms.first(where: { $0.learned != nil }) else { return }
    for other in terms
    where other.term.combination != .adds || other.learned != nil && other.position != first.position {
      throw GraphError(
        .noise, at: "noise, term \(other.position + 1)",
        expected: "noise that adds, with a fixed sigma, beside term \(first.position + 1), which is learned",
        got: other.term.summary, advice: "give each its own 'layers'")
    }
  }

  /// The strengths, above 0 where they are absolute: to be computed with.
  func value(in builder: GraphBuilder) throws(GraphError) -> Value? {
    guard let value = builder.replayed[id] else { return nil }
    return try (isLogarithmic ? value.map(.softplus) : value).viewed(as: shape)
  }

  /// The strengths that a constant's numbers stand for.
  package func strengths(_ numbers: some Sequence<Float>) -> [Float] {
    isLogarithmic ? numbers.map(softplus) : numbers.map { abs($0) }
  }

  /// A constant's number whose strength is `factor` times as large.
  package func multiplied(_ number: Float, by factor: Float) -> Float {
    isLogarithmic ? Self.rho(max(softplus(number) * factor, .leastNormalMagnitude)) : number * factor
  }

  /// The number of a logarithmic one whose strength is this.
  package static func rho(_ strength: Float) -> Float {
    let wide = Double(strength)
    return Float(wide > 30 ? wide : log(expm1(wide)))
  }
}

/// ln(1 + eˣ).
package func softplus(_ x: Float) -> Float { max(x, 0) + log1p(exp(-abs(x))) }

/// The same with a double's digits: by these a float's last one would be another.
package func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

extension NoiseTerm {
  /// Learned factors in the measure of its scale: what is times sigma and a draw.
  /// - Parameter deviation: that of the layer's weights; nil: that of these.
  func scaled(_ factors: Value, by weights: Value, deviation: Float? = nil) throws(GraphError) -> Value {
    switch scale {
    case .absolute: return factors
    case .relative: return try factors * weights.map(.abs)
    case .relativeToLayer:
      if let deviation { return try deviation * factors }
      return try factors * weights.apply(StandardDeviation())
    }
  }
}

extension PlacedTerm {
  /// The term with its learned factors as numbers: those of a layer in its sigma, others one for each weight.
  func settled(in graph: Graph, _ weights: Shape) -> PlacedTerm {
    guard let learned, case .float(let tensor)? = graph.literals[learned.id] else { return self }
    let strengths = learned.strengths(tensor.elements)
    var settled = self
    if strengths.count == 1 {
      return PlacedTerm(
        position: position, term: term.scaled(by: strengths[0]), site: site, isShared: isShared)
    }
    let steps = learned.shape.strides(broadcastTo: weights), whole = weights.strides
    settled.factors = (0..<weights.count).map { at in
      strengths[(0..<weights.rank).reduce(0) { $0 + at / whole[$1] % weights[$1] * steps[$1] }]
    }
    return settled
  }
}

// MARK: in graphs

extension Graph {
  /// The constants by their names.
  var constantNames: [String: ValueID] {
    Dictionary(literals.keys.map { (valueNames[$0.index], $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The constants that the noise refers to, and no node.
  var noiseLiterals: [ValueID] {
    let placed = (try? noise?.placed(in: self)) ?? [:]
    return placed.values.flatMap { $0 }.compactMap { $0.learned?.id }
  }

  /// Takes `recipe` as the noise to train with: each learned term gets its constants, which begin at its sigma, and a
  /// sigma of 1.
  /// - Throws: where a pattern of layers fits none, or weights have a constant of such a name already.
  public mutating func train(with recipe: NoiseModel) throws(GraphError) {
    var terms = recipe.terms
    for at in terms.indices {
      guard let kind = terms[at].learned, let sigma = terms[at].sigma else { continue }
      for place in terms[at].site.places(self) where terms[at].reaches(place.names) {
        guard let weights = place.weights else { continue }
        let isLogarithmic = terms[at].scale == .absolute
        let name = weights.name + (isLogarithmic ? LearnedDeviation.logarithmicSuffix : LearnedDeviation.plainSuffix)
        // Layers that share weights share their noise.
        guard !literals.keys.contains(where: { valueNames[$0.index] == name }) else { continue }
        let start = isLogarithmic ? LearnedDeviation.rho(sigma) : sigma
        _ = add(Tensor(LearnedDeviation.shape(kind, weights).flat, repeating: start), as: name)
      }
      terms[at].sigma = 1
    }
    noise = terms.isEmpty ? nil : NoiseModel(terms)
  }

  /// Takes `model` as the noise to serve with: learned strengths become deviations under the name that files have, and
  /// those that no term of the model has go.
  /// - Throws: where a term's constants are missing.
  public mutating func serve(with model: NoiseModel?) throws(GraphError) {
    let trained = Set(noiseLiterals)
    noise = model
    let served = try model?.placed(in: self).values.flatMap { $0 }.compactMap(\.learned) ?? []
    for learned in served {
      guard case .float(let tensor)? = literals[learned.id] else { continue }
      literals[learned.id] = .float(Tensor(tensor.shape, learned.strengths(tensor.elements)))
      if learned.isLogarithmic {
        let name = valueNames[learned.id.index].dropLast(LearnedDeviation.logarithmicSuffix.count)
        valueNames[learned.id.index] = name + LearnedDeviation.plainSuffix
      }
    }
    for id in trained.subtracting(served.map(\.id)) { literals[id] = nil }
  }

  /// Serves with Gaussian noise of these deviations on the weights beside the noise that there is.
  /// - Parameters:
  ///   - deviations: of the weights, each of the shape that `kind` has.
  ///   - kind: which of them share one.
  ///   - scale: the deviations' measure.
  ///   - layers: a pattern that fits the weights' names and no others'; nil: they are all that there are.
  public mutating func serve(
    with deviations: [ValueID: Tensor], by kind: NoiseTerm.Learned = .element, scale: NoiseTerm.Scale = .absolute,
    layers: String? = nil
  ) {
    guard !deviations.isEmpty else { return }
    for (id, tensor) in deviations.sorted(by: { $0.key.index < $1.key.index }) {
      _ = add(tensor, as: valueNames[id.index] + LearnedDeviation.plainSuffix)
    }
    var term = NoiseTerm(.weights, sigma: 1, scale: scale)
    (term.learned, term.layers) = (kind, layers)
    noise = NoiseModel((noise?.terms ?? []) + [term])
  }

  /// The graph without its noise and the constants that belong to that alone.
  public func withoutNoise() -> Graph {
    let members = noise.flatMap { try? ParameterSamples.all(of: $0, in: self) } ?? []
    var plain = self
    plain.noise = nil
    // Their names are free again.
    for id in noiseLiterals + members.map(\.samples) {
      plain.literals[id] = nil
      plain.valueNames[id.index] = ""
    }
    return plain
  }

  /// The learned strengths of the noise's term number `term`, layer by layer.
  package func learnedDeviations(of term: Int) -> [LearnedDeviation] {
    let placed = (try? noise?.placed(in: self)) ?? [:]
    return placed.values.flatMap { $0 }.filter { $0.position == term }.compactMap(\.learned)
      .sorted { $0.id.index < $1.id.index }
  }
}

extension Graph {
  /// The parameters of Gaussian distributions of single weights: by the name of those that hold ρ, the weights' own.
  package func posteriors() -> [String: String] {
    let placed = ((try? noise?.placed(in: self)) ?? [:]).values.flatMap { $0 }
    let names = placed.filter { $0.term.learned == .element && $0.learned?.isLogarithmic == true }
      .compactMap { $0.learned.map { valueNames[$0.id.index] } }
    return Dictionary(
      names.map { ($0, String($0.dropLast(LearnedDeviation.logarithmicSuffix.count))) },
      uniquingKeysWith: { first, _ in first })
  }
}
