import DitherBasics
import DitherTensor

/// An archive of arrays, as `numpy.savez` writes it.
struct ArrayArchive: DataForm {
  static let name = "archive"
  static let summary = "an archive of arrays: FILE.npz with x and y, or x_train, y_train, x_test and y_test"
  static func takes(_ files: OwnFiles) -> Bool { files.endings == ["npz"] }

  /// nil: whole-number types are class numbers, floats are values.
  var task: TargetKind?

  private static let inputNames = ["x", "inputs", "images", "data"], targetNames = ["y", "targets", "labels"]

  func load(_ split: Split, from files: inout OwnFiles) throws -> Dataset {
    let path = files.path.clipped(), zip = try Zip(files.content(), at: path)
    if let own = try arrays(in: zip, "_\(split.rawValue)", path) {
      let other = try arrays(in: zip, split == .train ? "_test" : "_train", path)
      let classes = own.classes(task)
      return try own.dataset(
        nil, name: path, task, classes: classes > 0 ? max(classes, other?.classes(task) ?? 0) : nil)
    }
    guard let all = try arrays(in: zip, "", path) else {
      throw DatasetError(
        .absent, at: path,
        expected: "arrays \(Self.inputNames[0])_\(split.rawValue) and \(Self.targetNames[0])_\(split.rawValue), "
          + "or one of \(Self.inputNames.joined(separator: ", ")) with one of \(Self.targetNames.joined(separator: ", "))",
        got: zip.names.joined(separator: ", ").clipped())
    }
    let count = all.inputs.shape.dimensions.first ?? 0
    guard count >= 2 else { throw DatasetError(.malformed, at: path, expected: "at least two rows", got: "\(count)") }
    return try all.dataset(Holdout(count: count).rows(split), name: path, task, classes: nil)
  }

  /// nil: there are neither inputs nor targets of this ending.
  private func arrays(in zip: Zip, _ suffix: String, _ path: String) throws(DatasetError) -> Arrays? {
    func found(_ names: [String]) -> String? {
      names.lazy.compactMap { name in zip.names.first { $0.lowercased() == "\(name)\(suffix).npy" } }.first
    }
    switch (found(Self.inputNames), found(Self.targetNames)) {
    case (nil, nil): return nil
    case (let inputs?, let targets?):
      return Arrays(
        inputs: try Npy(zip.member(inputs)), targets: try Npy(zip.member(targets)),
        names: (String(inputs.dropLast(4)), String(targets.dropLast(4))))
    case (let inputs, _):
      throw DatasetError(
        .absent, at: path,
        expected: "\(inputs == nil ? "inputs, as x\(suffix)," : "targets, as y\(suffix),") beside the other",
        got: zip.names.joined(separator: ", ").clipped())
    }
  }
}
