/// Handwritten digits. Source: LeCun, Cortes, Burges.
enum Mnist: IdxImages {
  static let name = "mnist"
  static let summary = "handwritten digits, 28 x 28 gray, 60 000 + 10 000"
  static let classNames = (0...9).map(String.init)
  static let files = published(
    at: "https://storage.googleapis.com/cvdf-datasets/mnist/",
    [
      ("train-images-idx3-ubyte.gz", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47_040_016),
      ("train-labels-idx1-ubyte.gz", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60_008),
      ("t10k-images-idx3-ubyte.gz", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7_840_016),
      ("t10k-labels-idx1-ubyte.gz", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10_008),
    ])
}
