import DitherBasics
import DitherTensor

/// A pair of files: the inputs and the targets.
struct ArrayPair: DataForm {
  static let name = "arrays"
  static let summary = "a pair of arrays: X.npy,Y.npy"
  static func takes(_ files: OwnFiles) -> Bool { files.endings == ["npy", "npy"] }

  /// nil: whole-number types are class numbers, floats are values.
  var task: TargetKind?
  /// Where pictures have their channels; nil: `chw`.
  var axes: PictureAxes?

  func load(_ split: Split, from files: inout OwnFiles) throws -> Dataset {
    guard files.places.count == 2 else {
      throw DatasetError(
        .malformed, at: files.path.clipped(), expected: "two files, X.npy,Y.npy", got: "\(files.places.count)")
    }
    let arrays = Arrays(
      inputs: try Npy(files.content(0), at: files.places[0]),
      targets: try Npy(files.content(1), at: files.places[1]),
      names: (files.places[0].clipped(), files.places[1].clipped()))
    let count = arrays.inputs.shape.dimensions.first ?? 0
    guard count >= 2 else {
      throw DatasetError(.malformed, at: files.path.clipped(), expected: "at least two rows", got: "\(count)")
    }
    var set = try arrays.dataset(
      Holdout(count: count).rows(split), name: files.path.clipped(), task, classes: nil, axes)
    set.undividedCount = count
    return set
  }
}
