/// 1 − the share of the most voted class, in [0, 1 − 1/K] where every draw votes. Absent below two draws.
public enum VariationRatio: Measure {
  public static let name = "variation_ratio"
  public static func values(_ draws: Draws) -> [Double]? {
    guard draws.samples > 1, !draws.areValues else { return nil }
    return [1 - Double(draws.votes.max() ?? 0) / Double(draws.samples)]
  }
}
