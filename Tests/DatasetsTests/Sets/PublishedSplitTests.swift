import DitherBasics
import DitherDatasets
import DitherTensor
import Foundation
import Testing

/// The published splits of the tables for regression.
@Suite("Published splits")
struct PublishedSplitTests {
  /// Rows of the test parts, by Hernández-Lobato and Adams 2015.
  static let tests = [
    "concrete": 103, "energy": 77, "kin8nm": 819, "naval": 1193, "power": 957, "protein": 4573, "wine-red-marks": 160,
    "yacht": 31,
  ]
  static let small = ["concrete", "energy", "wine-red-marks", "yacht"]
  static func isPresent(_ name: String) -> Bool {
    Catalog.dataSets.entries.contains { set in
      set.name == name && (set.files + set.extraFiles).allSatisfy { DataRoot.standard.find($0.path) != nil }
    }
  }

  @Test("sizes, and parts that have each row once", arguments: small.filter(isPresent), [0, 19])
  func parts(_ name: String, _ split: Int) throws {
    let (train, test) = (
      try Dataset.load("\(name)?split=\(split)", .train), try Dataset.load("\(name)?split=\(split)")
    )
    #expect(test.count == Self.tests[name] && test.standardizedColumns.count == test.inputs.rowLength)
    let whole = try Dataset.load(name, .train).count + Dataset.load(name).count
    #expect(train.count + test.count == whole)
    // Standardized by the split's own training rows.
    let width = train.inputs.rowLength, count = Double(train.count)
    for column in 0..<width {
      let values = (0..<train.count).map { Double(train.inputs.elements[$0 * width + column]) }
      #expect(abs(values.reduce(0, +) / count) < 1e-4)
      #expect(abs(values.reduce(0) { $0 + $1 * $1 } / count - 1) < 1e-3)
    }
    #expect(try Dataset.load("\(name)?split=1").targets != test.targets)
  }

  /// Rows 224, 144, 0 and 261 stand first in the file of splits; row 0 of the table is known.
  @Test(
    "the first split of yacht is the one in the publication's files",
    .enabled(if: isPresent("yacht"), "yacht is absent"))
  func rows() throws {
    let table = try DataRoot.standard.read(
      try #require(Catalog.dataSets.entry(named: "yacht").files.first), of: "yacht")
    let rows = String(decoding: table, as: UTF8.self).split(whereSeparator: \.isNewline)
      .map { $0.split(whereSeparator: { $0 == " " || $0 == "\t" }).compactMap { Float($0) } }.filter { $0.count == 7 }
    guard case .values(let targets) = try Dataset.load("yacht?split=0").targets else { return }
    let files = try DataRoot.standard.read(
      try #require(Catalog.dataSets.entry(named: "yacht").extraFiles.first), of: "yacht")
    let first = String(decoding: files, as: UTF8.self).split(separator: "\n")[0].split(separator: " ").compactMap {
      Int($0)
    }
    #expect(targets.elements == first.map { rows[$0][6] })
  }

  @Test("all sets have as many test rows as published", arguments: tests.keys.sorted().filter(isPresent))
  func sizes(_ name: String) throws {
    let set = try Catalog.dataSets.entry(named: name), file = try #require(set.extraFiles.first)
    let lines = String(decoding: try DataRoot.standard.read(file, of: name), as: UTF8.self).split(separator: "\n")
    #expect(lines.count == (name == "protein" ? 5 : 20))
    for line in lines { #expect(line.split(separator: " ").count == Self.tests[name]) }
    try DataStore(.standard).verify(set)
  }

  @Test("splits that are not here, or that no table fits, are refused")
  func refused() throws {
    let folder = try Folder(texts: ["uci-regression/yacht/data.txt": "1 2 3 4 5 6 7\n2 3 4 5 6 7 8\n3 4 5 6 7 8 9\n"])
    let root = DataRoot(URL(filePath: folder.path))
    expectFault(.absent, says: "index_test_0.txt") { _ = try Dataset.load("yacht?split=0", from: root) }
    for (text, words) in [("3\n", "0 to 2"), ("0 0\n", "each once"), ("x\n", "0 to 2"), ("", "line 1")] {
      try folder.write(Array(text.utf8), "uci-regression/yacht/test_splits.txt")
      expectFault(.malformed, says: words) { _ = try Dataset.load("yacht?split=0", from: root) }
    }
    try folder.write(Array("1\n".utf8), "uci-regression/yacht/test_splits.txt")
    let test = try Dataset.load("yacht?split=0", from: root)
    #expect(test.count == 1 && test.inputs.row(0).allSatisfy { $0 == 0 })
  }
}
