import DitherGraph

/// The noise that the file has already, as it is.
public struct OwnNoise: NoiseCandidate {
  public static let name = "own"
  public init() {}

  public func fit(_ trials: NoiseTrials, on part: NoiseTrials.Part) throws -> ChosenNoise? {
    guard let noise = trials.given.noise?.settled, noise.isActive else { return nil }
    return ChosenNoise(.own, noise.summary.joined(separator: "; "))
  }
}
