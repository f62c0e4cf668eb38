/// H[p̄]: all uncertainty, in nats, at most ln K.
public enum PredictiveEntropy: Measure {
  public static let name = "predictive_entropy"
  public static let heading = "entropy"
  public static func values(_ draws: Draws) -> [Double]? {
    draws.areValues ? nil : [entropy(draws.mean)]
  }
}
