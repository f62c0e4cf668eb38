/// The lower end of the central interval of 95 % of each value of a regression: the 2.5 % quantile over the draws and,
/// where the model answers with a variance, over what that leaves open. Absent where neither says anything: one draw
/// without a variance.
/// Source: Kendall and Gal 2017, arXiv 1703.04977, 2.3, for the mixture.
public enum IntervalLower: Measure {
  public static let name = "interval_lower"
  public static let heading = "95 % from"
  public static let risesWithUncertainty: Bool? = nil
  public static let isByClass = true
  public static let isOfValues = true
  public static let isOfClasses = false
  public static func values(_ draws: Draws) -> [Double]? {
    draws.areValues ? draws.quantile(0.025) : nil
  }
}
