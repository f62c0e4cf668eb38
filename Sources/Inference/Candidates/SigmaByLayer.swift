import DitherGraph
import DitherTensor

/// A strength for each layer's weights, measured by the layer's own deviation: coordinate by coordinate on the grid of
/// ``OneSigma``, from its best point, each step one that held-out examples are likelier under. Of more than sixteen
/// layers neighbors share one. Source: for the descent Wright 2015, Coordinate descent algorithms, arXiv 1502.04759.
public struct SigmaByLayer: NoiseCandidate {
  public static let name = "sigma_by_layer"
  public init() {}

  private static let mostGroups = 16
  /// Passes over the layers.
  private static let passes = 2

  public func fit(_ trials: NoiseTrials, on part: NoiseTrials.Part) throws -> ChosenNoise? {
    let names = trials.weights.map(\.name), groups = min(names.count, Self.mostGroups)
    guard groups > 1 else { return nil }
    var places = [Int](repeating: try OneSigma.best(trials, on: part), count: groups)
    func loss(_ places: [Int]) throws -> Double {
      try trials.loss(of: Self.noise(places, names), on: part, key: "by layer \(places)")
    }
    var best = try loss(places)
    for _ in 0..<Self.passes {
      let before = places
      for group in 0..<groups {
        for step in [-1, 1] {
          var moved = places
          moved[group] += step
          while OneSigma.grid.indices.contains(moved[group]) {
            let found = try loss(moved)
            guard found < best else { break }
            (best, places) = (found, moved)
            moved[group] += step
          }
        }
      }
      if places == before { break }
    }
    // The start was of equal strengths, which may be worse than none by the draws alone.
    guard best < (try trials.loss(of: .none, on: part, key: nil)) else { return ChosenNoise.none }
    return Self.noise(places, names)
  }

  private static func noise(_ places: [Int], _ names: [String]) -> ChosenNoise {
    guard places.contains(where: { $0 > 0 }) else { return .none }
    var deviations: [String: Tensor] = [:]
    for (number, name) in names.enumerated() {
      deviations[name] = Tensor([1], [OneSigma.grid[places[number * places.count / names.count]]])
    }
    let shown = places.map { "\(OneSigma.grid[$0])" }.joined(separator: ", ")
    return ChosenNoise(
      .deviations(deviations, by: .layer, scale: .relativeToLayer, layers: nil), "σ = \(shown) of the layers'")
  }
}
