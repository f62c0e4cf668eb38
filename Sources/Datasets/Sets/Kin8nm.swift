/// A robot arm of eight links in motion, simulated: DELVE, 1996. Source: UCI Machine Learning Repository and OpenML.
enum Kin8nm: RegressionTable {
  static let name = "kin8nm"
  static let summary = "a robot arm of 8 links, 8 192, a value each"
  static let columns = 9
  static let targetName = "distance of the end of the arm"
  static let sha256 = "a694ce0c7a21390f2bd2a205c36f2482cd974637a207038696716e22f3bbe810"
  static let bytes = 1187840
  static let splitsSha256 = "a1053297ab2a4a915655db2a9f2c8d37279c5995c5132bf68f682920a5a97da2"
  static let splitsBytes = 79_623
}
