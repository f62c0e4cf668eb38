/// The variance over the draws (ddof 1) of each value of a regression, in the square of its unit: what more data could
/// remove. Absent below two draws. Source: Kendall and Gal 2017, arXiv 1703.04977, 2.3.
public enum EpistemicVariance: Measure {
  public static let name = "epistemic_variance"
  public static let risesWithUncertainty: Bool? = nil
  public static let isByClass = true
  public static let isOfValues = true
  public static let isOfClasses = false
  public static func values(_ draws: Draws) -> [Double]? {
    draws.areValues ? draws.deviation?.map { $0 * $0 } : nil
  }
}
