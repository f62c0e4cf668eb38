/// 1 − the share of the most voted class.
public enum VariationRatio: Measure {
  public static let name = "variation_ratio"
  public static func value(_ draws: Draws) -> Double {
    1 - Double(draws.votes.max() ?? 0) / Double(draws.samples)
  }
}
