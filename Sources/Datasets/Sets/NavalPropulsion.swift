/// A ship's gas turbine, simulated: Coraddu et al. 2014. The decay of the turbine, a second target, is left out.
/// Source: UCI Machine Learning Repository, CC BY 4.0.
enum NavalPropulsion: RegressionTable {
  static let name = "naval"
  static let summary = "a ship's gas turbine by 16 measurements, 11 934, a value each"
  static let columns = 18
  static let targetColumn = 16
  static let folder = "naval-propulsion-plant"
  static let targetName = "decay of the compressor"
  static let sha256 = "de0ea69da1efaab8b9655ffed828547d10dd68c1fb8c6e0163e6a988def393a6"
  static let bytes = 3448926
  static let splitsSha256 = "46775e2e73cc744fab8532830e38998166a0afb32e78e17dce8d8c3017f9a706"
  static let splitsBytes = 120_971
}
