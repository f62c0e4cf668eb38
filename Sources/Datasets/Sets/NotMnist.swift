/// Letters A to J in many typefaces: out-of-distribution data for MNIST. Source: Y. Bulatov.
enum NotMnist: IdxImages {
  static let name = "notmnist"
  static let summary = "letters A to J, 28 x 28 gray, 10 000 for tests only"
  static let classNames = "ABCDEFGHIJ".map(String.init)
  static let splits = [Split.test]
  static let files = published(
    at: "https://raw.githubusercontent.com/davidflanagan/notMNIST-to-MNIST/master/",
    [
      ("t10k-images-idx3-ubyte.gz", "8e7f38ae95cc8f48e0986175ffc9137e5007ebcf3d8fdf6656c904eb9dab198b", 7_840_016),
      ("t10k-labels-idx1-ubyte.gz", "5f8e6012f2ce730700d8d05fca098bc47f71d25b890e4bec7ac5ebfd614a4001", 10_008),
    ])
}
