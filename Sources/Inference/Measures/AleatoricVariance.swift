/// The mean over the draws of the variance that a regression answers with, by value, in the square of its unit: what
/// more data would leave. Absent of a model that answers with none. Source: Kendall and Gal 2017, arXiv 1703.04977,
/// 2.3.
public enum AleatoricVariance: Measure {
  public static let name = "aleatoric_variance"
  public static let risesWithUncertainty: Bool? = nil
  public static let isByClass = true
  public static let isOfValues = true
  public static let isOfClasses = false
  public static func values(_ draws: Draws) -> [Double]? { draws.meanVariance }
}
