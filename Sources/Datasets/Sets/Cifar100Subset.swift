import DitherTensor

/// 2 000 photographs of CIFAR-100, 20 of each class and none of a class or a picture of CIFAR-10: near
/// out-of-distribution data for it. Official training and test parts are mixed, so nothing is to be trained on it.
/// Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
enum Cifar100Subset: DatasetSource {
  static let name = "cifar100-ood"
  static let summary = "photographs of 100 other classes, 3 x 32 x 32, 2 000 for tests only"
  static let splits = [Split.test]
  static let files = [
    DataFile(
      "cifar100-ood/cifar100_subset_2000.bin.gz", from: nil,
      sha256: "37633e41da64f757fb6e5b5f77c4728b1fcc9a9d79860e80df604fd0ddc80967", bytes: 6_146_000),
    DataFile(
      "cifar100-ood/fine_label_names.txt", from: nil,
      sha256: "4a53f81a8af29bb6aa646bfe2c455db1b061edfde82a39c0cfc313ef536c681b", bytes: 725),
  ]

  static func load(_ split: Split, from root: DataRoot) throws(DatasetError) -> Dataset {
    try check(split)
    let names = String(decoding: try root.read(files[1], of: name), as: UTF8.self).split(whereSeparator: \.isNewline)
    let file = try CifarBin(root.read(files[0], of: name), at: files[0].path, classes: names.count)
    return Dataset(
      name: name, inputs: Tensor(pixels: file.bytes, [file.labels.count, 3, 32, 32]), labels: file.labels,
      classNames: names.map(String.init))
  }
}
