import DitherBasics
import DitherTensor

/// Noise on gradients, of any distribution and scale: what a trainer adds between the backward pass and the update.
public struct GradientNoise: Sendable {
  private let terms: [ValueID: [PlacedTerm]]
  private let shapes: [ValueID: Shape]

  /// - Throws: when a pattern of layers fits no parameter.
  public init(_ noise: NoiseModel, of graph: Graph) throws(GraphError) {
    guard graph.valueNames.count <= DrawSite.valueLimit else {
      throw GraphError(
        .tooLarge, at: "noise", expected: "at most \(DrawSite.valueLimit) values", got: "\(graph.valueNames.count)")
    }
    let placed = try NoiseModel(noise.terms.filter { $0.site == .gradients }).placed(in: graph)
    var terms: [ValueID: [PlacedTerm]] = [:], shapes: [ValueID: Shape] = [:]
    for (target, found) in placed {
      guard case .gradient(let id) = target, case .float(let tensor)? = graph.literals[id] else { continue }
      terms[id] = found
      shapes[id] = tensor.shape
    }
    self.terms = terms
    self.shapes = shapes
  }

  /// - Parameters:
  ///   - gradient: of the parameter `id`; the noise is added in place.
  ///   - seed: of this step; every step has draws of its own.
  ///   - progress: the share of the training that is done, for the terms' schedules.
  ///   - strength: a factor on all terms, beside their schedules.
  public func add(
    to gradient: UnsafeMutableBufferPointer<Float>, of id: ValueID, seed: UInt64, progress: Double, strength: Float = 1
  ) {
    guard strength > 0, let terms = terms[id], let shape = shapes[id], let base = gradient.baseAddress else { return }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: gradient.count) { clean in
      _ = clean.update(fromContentsOf: gradient)
      guard let from = clean.baseAddress else { return }
      let draws = WeightDraws(terms: terms, layerDeviation: nil)
      draws.draw(base, from: from, shape: shape, channels: 1, scale: nil) { placed in
        let own = placed.term.schedule.map { Float($0.factor(at: progress)) } ?? 1
        return TermDraw(address: NoiseAddress(seed: seed, site: placed.site), sign: 1, strength: strength * own)
      }
    }
  }
}
