/// Breast Cancer Wisconsin (diagnostic). Source: UCI Machine Learning Repository, CC BY 4.0.
enum BreastCancer: Table {
  static let name = "wdbc"
  static let summary = "tumours by 30 measurements, 569"
  static let classNames = ["B", "M"]
  static let classColumn = 1
  static let ignoredColumns: Set<Int> = [0]
  static let files = [
    DataFile(
      "uci/wdbc/wdbc.data",
      from: "https://archive.ics.uci.edu/ml/machine-learning-databases/breast-cancer-wisconsin/wdbc.data",
      sha256: "d606af411f3e5be8a317a5a8b652b425aaf0ff38ca683d5327ffff94c3695f4a", bytes: 124_103)
  ]
}
