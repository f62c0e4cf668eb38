/// Hulls of sailing yachts by their form and speed: Gerritsma et al. 1981. Source: UCI Machine Learning Repository, CC
/// BY 4.0.
enum Yacht: RegressionTable {
  static let name = "yacht"
  static let summary = "hulls of yachts by 6 measures, 308, a value each"
  static let columns = 7
  static let targetName = "residuary resistance"
  static let sha256 = "00dfecc0fc01ddd4c90b558a3ac11b246df8ebcfea130724223475a9a67f0ea1"
  static let bytes = 11487
  static let splitsSha256 = "82be34edf409cfe3a93ff9116e2f7434cb0d89921c5618b8571a5c4924619de0"
  static let splitsBytes = 2_272
}
