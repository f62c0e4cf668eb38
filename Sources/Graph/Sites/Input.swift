import DitherTensor

extension NoiseSite {
  /// On the graph's float inputs.
  public static let input = NoiseSite("input") { graph in
    graph.inputs.filter { $0.element == .float32 }.map {
      NoisePlace(target: .input($0.value), names: [$0.name], address: .input($0.value.index))
    }
  }
}
