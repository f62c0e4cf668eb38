/// White wines and the marks that tasters gave. Source: UCI Machine Learning Repository, CC BY 4.0.
enum WineQualityWhite: Table {
  static let name = "winequality-white"
  static let summary = "white wines by 11 measurements, marks 3 to 9, 4 898"
  static let classNames = ["3", "4", "5", "6", "7", "8", "9"]
  static let files = [
    DataFile(
      "uci/winequality/winequality-white.csv",
      from: "https://raw.githubusercontent.com/jbrownlee/Datasets/master/winequality-white.csv",
      sha256: "659d419fff887f225bf977d20520bb64a64cae203e460087f809721d4430ba27", bytes: 264_255)
  ]
}
