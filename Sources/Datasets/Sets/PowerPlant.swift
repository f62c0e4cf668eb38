/// The hourly output of a combined-cycle power plant by the weather: Tüfekci 2014. Source: UCI Machine Learning
/// Repository, CC BY 4.0.
enum PowerPlant: RegressionTable {
  static let name = "power"
  static let summary = "a power plant by weather, 9 568, a value each"
  static let columns = 5
  static let folder = "power-plant"
  static let targetName = "electrical output, MW"
  static let sha256 = "daebd20c408dfc5c4979604f240e891be162c3a5d00d662380aa669044a1fb31"
  static let bytes = 308680
  static let splitsSha256 = "f16e0bc48c98a6726bb13c9fa096eeec3880ddd906bf4b3736ace033082482bb"
  static let splitsBytes = 93_509
}
