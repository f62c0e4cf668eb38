/// The standard deviation over the draws (ddof 1), by class, or of each value of a regression: there it is the
/// epistemic part, in the value's unit. Absent below two draws.
public enum StandardDeviation: Measure {
  public static let name = "std"
  public static let risesWithUncertainty: Bool? = nil
  public static let isByClass = true
  public static let isOfValues = true
  public static func values(_ draws: Draws) -> [Double]? {
    draws.deviation
  }
}
