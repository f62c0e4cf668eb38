import DitherTensor

extension NoiseSite {
  /// On the gradients of all parameters, in training only. Source: Neelakantan et al. 2015, arXiv 1511.06807.
  public static let gradients = NoiseSite("gradients", isServed: false, hasLayers: true) { graph in
    graph.parameters.enumerated().map { number, id in
      NoisePlace(target: .gradient(id), names: [graph.valueNames[id.index]], address: .gradients(number))
    }
  }
}
