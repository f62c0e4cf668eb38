import DitherGraph

/// The dropout that the file's own Dropout nodes had in training, kept on for answers. Source: Gal and Ghahramani 2016,
/// arXiv 1506.02142.
public struct OwnDropout: NoiseCandidate {
  public static let name = "dropout"
  public init() {}

  public func fit(_ trials: NoiseTrials, on part: NoiseTrials.Part) throws -> ChosenNoise? {
    guard let terms = try? trials.base.ownDropout() else { return nil }
    let rates = terms.map { "\($0.strength)" }.joined(separator: ", ")
    return ChosenNoise(.terms(terms), "rate \(rates) of the file's nodes")
  }
}
