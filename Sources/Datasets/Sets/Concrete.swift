/// Concrete by the amounts of its seven parts and its age: Yeh 1998. Source: UCI Machine Learning Repository, CC BY
/// 4.0.
enum Concrete: RegressionTable {
  static let name = "concrete"
  static let summary = "concrete by its mix and age, 1 030, a value each"
  static let columns = 9
  static let targetName = "compressive strength, MPa"
  static let sha256 = "43d290fd2c2a399ad7e62c45cab5337ba94ece69ebdcf5875aa668cb886243de"
  static let bytes = 57858
  static let splitsSha256 = "6af0a8899f08acb5851cf87a8436f0a9573b42f5ce7d915b5c09a0bcfc470b5e"
  static let splitsBytes = 8_079
}
