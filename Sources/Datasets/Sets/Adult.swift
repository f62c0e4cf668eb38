/// Census records: whether an income is above 50 000 dollars. Source: UCI Machine Learning Repository, CC BY 4.0.
enum Adult: Table {
  static let name = "adult"
  static let summary = "census records, 32 561 + 16 281"
  static let classNames = ["<=50K", ">50K"]
  static let testFile: String? = "adult.test"
  static func className(_ field: String) -> String { field.hasSuffix(".") ? String(field.dropLast()) : field }
  static let files = [
    DataFile(
      "uci/adult/adult.data", from: "https://archive.ics.uci.edu/ml/machine-learning-databases/adult/adult.data",
      sha256: "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d", bytes: 3_974_305),
    DataFile(
      "uci/adult/adult.test", from: "https://archive.ics.uci.edu/ml/machine-learning-databases/adult/adult.test",
      sha256: "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05", bytes: 2_003_153),
  ]
}
