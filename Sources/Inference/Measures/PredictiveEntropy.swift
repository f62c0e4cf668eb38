/// H[p̄]: all uncertainty, in nats, at most ln K.
public enum PredictiveEntropy: Measure {
  public static let name = "predictive_entropy"
  public static func values(_ draws: Draws) -> [Double]? {
    [entropy(draws.mean)]
  }
}
