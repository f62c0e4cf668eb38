/// Decoys of protein structures by their physical and chemical properties: Rana 2013. Source: UCI Machine Learning
/// Repository, CC BY 4.0.
enum Protein: RegressionTable {
  static let name = "protein"
  static let summary = "protein structures by 9 properties, 45 730, a value each"
  static let columns = 10
  static let folder = "protein-tertiary-structure"
  static let targetName = "root-mean-square deviation, Å"
  static let sha256 = "d35f332707e8a73f21e021039250a1e7b26e14f7dd826a0337ffa8e8e48b9727"
  static let bytes = 3528658
  static let splitsSha256 = "f278de35c57cd115b461ad199725c4dfe938d35777b278e205734e633529be37"
  static let splitsBytes = 131_611
  static let splitCount = 5
}
