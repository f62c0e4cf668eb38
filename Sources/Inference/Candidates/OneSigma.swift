import DitherGraph

/// One strength for the weights of all layers, measured by each layer's own deviation, by held-out log-likelihood on a
/// grid that begins with none, so that it is never worse than the plain model on the examples that chose it. Source:
/// for the likelihood of held-out examples as the judge Bishop 2006, Pattern Recognition and Machine Learning, 1.3.
public struct OneSigma: NoiseCandidate {
  public static let name = "sigma"
  public init() {}

  /// The strengths that are tried, rising.
  static let grid: [Float] = [0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7]

  public func fit(_ trials: NoiseTrials, on part: NoiseTrials.Part) throws -> ChosenNoise? {
    guard !trials.weights.isEmpty else { return nil }
    return Self.noise(try Self.best(trials, on: part))
  }

  /// The place in the grid that is best; two steps that are worse end the search.
  static func best(_ trials: NoiseTrials, on part: NoiseTrials.Part) throws -> Int {
    var best = (at: 0, loss: Double.infinity)
    for at in grid.indices {
      let loss = try trials.loss(of: noise(at), on: part, key: "sigma \(grid[at])")
      if loss < best.loss { best = (at, loss) }
      if at >= best.at + 3 { break }
    }
    return best.at
  }

  private static func noise(_ at: Int) -> ChosenNoise {
    guard at > 0 else { return .none }
    return ChosenNoise(
      .terms([NoiseTerm(.weights, sigma: grid[at], scale: .relativeToLayer)]), "σ = \(grid[at]) of each layer's")
  }
}
