/// The standard deviation over the draws (ddof 1), by class. Absent below two draws.
public enum StandardDeviation: Measure {
  public static let name = "std"
  public static let risesWithUncertainty: Bool? = nil
  public static func values(_ draws: Draws) -> [Double]? {
    draws.deviation
  }
}
