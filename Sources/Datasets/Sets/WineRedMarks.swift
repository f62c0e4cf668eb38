/// Red wines and the marks that tasters gave, as values: Cortez et al. 2009. Source: UCI Machine Learning Repository,
/// CC BY 4.0.
enum WineRedMarks: RegressionTable {
  static let name = "wine-red-marks"
  static let summary = "red wines by 11 measurements, 1 599, the mark as a value"
  static let columns = 12
  static let folder = "wine-quality-red"
  static let targetName = "mark"
  static let sha256 = "3ba41eaf4ab562088cf47b5c9dca2b4de2a330c3ee38a7920b4527a09574d5c1"
  static let bytes = 84_027
  static let splitsSha256 = "a2f370a4320bf0da06736857591d1f03efc5c32f7213d118e16e0d44c674debb"
  static let splitsBytes = 13_822
}
