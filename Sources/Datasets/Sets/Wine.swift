/// Wines of three growers. Source: UCI Machine Learning Repository, CC BY 4.0.
enum Wine: Table {
  static let name = "wine"
  static let summary = "wines by 13 measurements, 178"
  static let classNames = ["1", "2", "3"]
  static let files = [
    DataFile(
      "uci/wine/wine.csv", from: "https://raw.githubusercontent.com/jbrownlee/Datasets/master/wine.csv",
      sha256: "e9c16b779f9194945067f65118da6afb317ef60c6515879c50124dc4f6cdd756", bytes: 10_782)
  ]
}
