/// mean H[p_s]: what more data could not remove (aleatoric), in nats.
public enum ExpectedEntropy: Measure {
  public static let name = "expected_entropy"
  public static func value(_ draws: Draws) -> Double {
    (0..<draws.samples).reduce(0.0) { sum, s in
      sum + entropy(draws.probabilities[s * draws.classes..<(s + 1) * draws.classes])
    } / Double(draws.samples)
  }
}
