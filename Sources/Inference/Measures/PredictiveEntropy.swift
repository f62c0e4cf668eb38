/// H[p̄]: all uncertainty, in nats.
public enum PredictiveEntropy: Measure {
  public static let name = "predictive_entropy"
  public static func value(_ draws: Draws) -> Double {
    entropy(draws.mean)
  }
}
