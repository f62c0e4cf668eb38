import DitherBasics
import DitherTensor

/// A set of 28 × 28 gray pictures in MNIST's four files.
protocol IdxImages: DatasetSource {
  static var classNames: [String] { get }
}

extension IdxImages {
  static func load(_ split: Split, from root: DataRoot) throws(DatasetError) -> Dataset {
    try check(split)
    let prefix = split == .train ? "/train" : "/t10k"
    guard let images = files.first(where: { $0.path.contains(prefix + "-images") }),
      let labels = files.first(where: { $0.path.contains(prefix + "-labels") })
    else {
      throw DatasetError(.absent, at: "data set '\(name)'", expected: "a \(split.rawValue) part", got: "none")
    }
    let pixels = try Idx(root.read(images, of: name), at: images.path)
    let classes = try Idx(root.read(labels, of: name), at: labels.path)
    guard pixels.shape.rank == 3, classes.shape == [pixels.shape[0]] else {
      throw DatasetError(
        .malformed, at: "data set '\(name)'", expected: "a label for each picture",
        got: "\(classes.shape) for \(pixels.shape)")
    }
    guard let top = classes.bytes.max(), top < classNames.count else {
      throw DatasetError(.malformed, at: labels.path, expected: "labels below \(classNames.count)", got: "others")
    }
    return Dataset(
      name: name,
      inputs: Tensor(pixels: pixels.bytes, [pixels.shape[0], 1, pixels.shape[1], pixels.shape[2]]),
      labels: classes.bytes.map(Int.init), classNames: classNames)
  }

  static func published(at address: String, _ sums: [(String, String, Int)]) -> [DataFile] {
    sums.map { DataFile("\(name)/\($0.0)", from: address + $0.0, sha256: $0.1, bytes: $0.2) }
  }
}
