/// The largest ``StandardError`` of a mean probability or value: how far more draws may move it. Absent where too few
/// draws were made to know it.
public enum LargestStandardError: Measure {
  public static let name = "standard_error"
  public static let risesWithUncertainty: Bool? = nil
  public static let isOfValues = true
  public static func values(_ draws: Draws) -> [Double]? {
    draws.standardError.map { [$0] }
  }
}
