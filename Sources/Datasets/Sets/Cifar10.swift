import DitherTensor

/// Small color photographs. Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
enum Cifar10: DatasetSource {
  static let name = "cifar10"
  static let summary = "photographs, 3 x 32 x 32, 50 000 + 10 000"
  static let classNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]
  static let files: [DataFile] = [
    ("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    ("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    ("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    ("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    ("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    ("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
  ].map { (file: String, sum: String) in
    DataFile(
      "cifar10/\(file)", from: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", sha256: sum,
      bytes: 30_730_000,
      member: file)
  }

  static func load(_ split: Split, from root: DataRoot) throws(DatasetError) -> Dataset {
    var bytes: [UInt8] = [], labels: [Int] = []
    for file in files where file.path.contains("test_batch") == (split == .test) {
      let part = try CifarBin(root.read(file, of: name), at: file.path)
      bytes += part.bytes
      labels += part.labels
    }
    return Dataset(
      name: name, inputs: Tensor(pixels: bytes, [labels.count, 3, 32, 32]), labels: labels, classNames: classNames)
  }
}
