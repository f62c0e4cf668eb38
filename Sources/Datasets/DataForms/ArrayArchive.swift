import DitherBasics
import DitherTensor

/// An archive of arrays, as `numpy.savez` writes it.
struct ArrayArchive: DataForm {
  static let name = "archive"
  static let summary =
    "an archive of arrays: FILE.npz with x and y, or x_train, y_train, x_test and y_test; for x a model's inputs by their names"
  static func takes(_ files: OwnFiles) -> Bool { files.endings == ["npz"] }

  /// nil: whole-number types are class numbers, floats are values.
  var task: TargetKind?
  /// Names of the arrays that are inputs, with + between them; nil: x, or all but the targets.
  var inputs: String?
  /// Where pictures under `x` have their channels; nil: `chw`.
  var axes: PictureAxes?

  private static let inputNames = ["x", "inputs", "images", "data"], targetNames = ["y", "targets", "labels"]

  func load(_ split: Split, from files: inout OwnFiles) throws -> Dataset {
    let path = files.path.clipped(), zip = try Zip(files.content(), at: path)
    if let own = try arrays(in: zip, "_\(split.rawValue)", path) {
      let other = try arrays(in: zip, split == .train ? "_test" : "_train", path)
      let classes = own.classes(task)
      return try own.dataset(
        nil, name: path, task, classes: classes > 0 ? max(classes, other?.classes(task) ?? 0) : nil, axes)
    }
    guard let all = try arrays(in: zip, "", path) else {
      throw DatasetError(
        .absent, at: path,
        expected: "arrays \(Self.inputNames[0])_\(split.rawValue) and \(Self.targetNames[0])_\(split.rawValue), "
          + "or one of \(Self.inputNames.joined(separator: ", ")) with one of \(Self.targetNames.joined(separator: ", "))",
        got: zip.names.joined(separator: ", ").clipped())
    }
    let count = (all.named.first?.array ?? all.inputs).shape.dimensions.first ?? 0
    guard count >= 2 else { throw DatasetError(.malformed, at: path, expected: "at least two rows", got: "\(count)") }
    var set = try all.dataset(Holdout(count: count).rows(split), name: path, task, classes: nil, axes)
    set.undividedCount = count
    return set
  }

  /// nil: there are neither inputs nor targets of this ending.
  private func arrays(in zip: Zip, _ suffix: String, _ path: String) throws(DatasetError) -> Arrays? {
    func found(_ names: [String]) -> String? {
      names.lazy.compactMap { name in zip.names.first { $0.lowercased() == "\(name)\(suffix).npy" } }.first
    }
    let targets = found(Self.targetNames), input = inputs == nil ? found(Self.inputNames) : nil
    if let input, let targets {
      return Arrays(
        inputs: try zip.array(input, path), targets: try zip.array(targets, path),
        names: (String(input.dropLast(4)), String(targets.dropLast(4))))
    }
    let others = try input == nil ? named(in: zip, suffix, but: targets, path) : []
    if let targets, let first = others.first {
      return Arrays(
        inputs: first.array, targets: try zip.array(targets, path), names: (first.name, String(targets.dropLast(4))),
        named: others)
    }
    if input == nil, targets == nil { return nil }
    throw DatasetError(
      .absent, at: path,
      expected: "\(targets != nil ? "inputs, as x\(suffix)," : "targets, as y\(suffix),") beside the other",
      got: zip.names.joined(separator: ", ").clipped())
  }

  /// The inputs by the names that models have for them.
  private func named(
    in zip: Zip, _ suffix: String, but targets: String?, _ path: String
  ) throws(DatasetError) -> [(name: String, array: Npy)] {
    let ending = "\(suffix).npy"
    if let inputs {
      var found: [(name: String, array: Npy)] = []
      for name in inputs.split(separator: "+").map(String.init) {
        guard zip.names.contains(name + ending) || suffix.isEmpty else { return [] }
        found.append((name, try zip.array(name + ending, path)))
      }
      return found
    }
    let isOther: (String) -> Bool = { name in
      suffix.isEmpty && Split.allCases.contains { name.hasSuffix("_\($0.rawValue).npy") }
    }
    let members = zip.names.filter { $0.hasSuffix(ending) && $0 != targets && !isOther($0) }
    guard targets != nil, members.count <= Self.mostInputs else { return [] }
    var found: [(name: String, array: Npy)] = []
    for member in members { found.append((String(member.dropLast(ending.count)), try zip.array(member, path))) }
    return found
  }

  /// As many as a model may have.
  private static let mostInputs = 64
}

extension Zip {
  /// An array of an archive; `path` is the archive's.
  fileprivate func array(_ member: String, _ path: String) throws(DatasetError) -> Npy {
    try Npy(self.member(member), at: "'\(member)' of \(path)")
  }
}
