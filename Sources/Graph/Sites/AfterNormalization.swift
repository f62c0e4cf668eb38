import DitherTensor

extension NoiseSite {
  /// Behind every normalization, also where it is folded into the weights before it.
  public static let afterNormalization = NoiseSite("after_normalization", formerly: ["after_normalisation"]) { graph in
    graph.outputPlaces(kind: 2) { $0.op.isNormalization || $0.folded != nil }.map { place in
      guard case .output(let at) = place.target, let folded = graph.nodes[at].folded else { return place }
      return NoisePlace(target: place.target, names: [folded.name], address: .node(folded.number, kind: 2))
    }
  }
}
