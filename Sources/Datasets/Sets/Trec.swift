/// Questions by what they ask for. Source: Li and Roth 2002, in the files of Kim 2014 (arXiv 1408.5882); the training
/// file is Latin-1.
enum Trec: TextSet {
  static let name = "trec"
  static let summary = "questions by what they ask for, six kinds, 5 452 + 500"
  static let classNames = ["description", "entity", "abbreviation", "human", "location", "number"]
  static let testFile: String? = "TREC.test.all"
  private static let address =
    "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/"
  static let files = [
    DataFile(
      "text/trec/TREC.train.all", from: address + "TREC.train.all",
      sha256: "c8183fd8c2a5cc4a9a1c56548d7c6410a8b71ed7843df9ef1f0a05cd7cf2fb3e", bytes: 292_402),
    DataFile(
      "text/trec/TREC.test.all", from: address + "TREC.test.all",
      sha256: "92a6a3cede5678b447ef5f1d7ec474134fcda211e6590e6fa627b4a2c68e4566", bytes: 19_479),
  ]
}
