/// Optical recognition of handwritten digits: counts of ink in 8 × 8 cells. Source: UCI Machine Learning Repository,
/// CC BY 4.0.
enum OpticalDigits: Table {
  static let name = "optdigits"
  static let summary = "digits as 64 counts, 3 823 + 1 797"
  static let classNames = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
  static let testFile: String? = "optdigits.tes"
  static let files = [
    DataFile(
      "uci/optdigits/optdigits.tra",
      from: "https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/optdigits.tra",
      sha256: "e1b683cc211604fe8fd8c4417e6a69f31380e0c61d4af22e93cc21e9257ffedd", bytes: 563_639),
    DataFile(
      "uci/optdigits/optdigits.tes",
      from: "https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/optdigits.tes",
      sha256: "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8", bytes: 264_712),
  ]
}
