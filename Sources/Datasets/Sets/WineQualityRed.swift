/// Red wines and the marks that tasters gave. Source: UCI Machine Learning Repository, CC BY 4.0.
enum WineQualityRed: Table {
  static let name = "winequality-red"
  static let summary = "red wines by 11 measurements, marks 3 to 8, 1 599"
  static let classNames = ["3", "4", "5", "6", "7", "8"]
  static let files = [
    DataFile(
      "uci/winequality/winequality-red.csv",
      from: "https://raw.githubusercontent.com/jbrownlee/Datasets/master/winequality-red.csv",
      sha256: "c9614512e980f1cbd221c796daa97f00c4898c3cd1716863abac60f6cd1a522e", bytes: 84_028)
  ]
}
