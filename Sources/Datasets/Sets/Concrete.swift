/// Concrete by the amounts of its seven parts and its age: Yeh 1998. Source: UCI Machine Learning Repository, CC BY
/// 4.0.
enum Concrete: RegressionTable {
  static let name = "concrete"
  static let summary = "concrete by its mix and age, 1 030, a value each"
  static let columns = 9
  static let targetName = "compressive strength, MPa"
  static let sha256 = "43d290fd2c2a399ad7e62c45cab5337ba94ece69ebdcf5875aa668cb886243de"
  static let bytes = 57858
}
