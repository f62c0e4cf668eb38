extension NoiseSite {
  /// Behind every activation function.
  public static let activations = NoiseSite("activations") { graph in
    graph.outputPlaces(kind: 1) { $0.op.isActivation }
  }
}
