/// Buildings by their form: Tsanas and Xifara 2012. Source: UCI Machine Learning Repository, CC BY 4.0.
enum Energy: RegressionTable {
  static let name = "energy"
  static let summary = "buildings by 8 measures of their form, 768, a value each"
  static let columns = 9
  static let targetName = "heating load, kWh/m²"
  static let sha256 = "7f8bf024cea437267d56be99b7af7bb3faebec8a7bccfbb20d06d52d9372a950"
  static let bytes = 35309
  static let splitsSha256 = "4fa6ad7a3f4463179bd1d4f0720892935eaf1eec9c67c58e0fea542c41418313"
  static let splitsBytes = 5_928
}
