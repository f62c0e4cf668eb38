import DitherBasics
import DitherDatasets
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// The data sets as they are published: sizes, classes and ranges.
@Suite("Data sets")
struct SetTests {
  struct Published: Sendable, CustomTestStringConvertible {
    let name: String
    let row: Shape
    /// By class; nil: there is no such part.
    let train: [Int]?
    let test: [Int]
    var testDescription: String { name }
  }

  static let pictures = [
    Published(
      name: "mnist", row: [1, 28, 28], train: [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
      test: [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    Published(
      name: "fashion-mnist", row: [1, 28, 28], train: [Int](repeating: 6000, count: 10),
      test: [Int](repeating: 1000, count: 10)),
    Published(
      name: "cifar10", row: [3, 32, 32], train: [Int](repeating: 5000, count: 10),
      test: [Int](repeating: 1000, count: 10)),
    Published(name: "notmnist", row: [1, 28, 28], train: nil, test: [Int](repeating: 1000, count: 10)),
    Published(name: "cifar100-ood", row: [3, 32, 32], train: nil, test: [Int](repeating: 20, count: 100)),
  ]

  static let partedTables = [
    Published(
      name: "optdigits", row: [64], train: [376, 389, 380, 389, 387, 376, 377, 387, 380, 382],
      test: [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]),
    Published(name: "adult", row: [108], train: [24_720, 7_841], test: [12_435, 3_846]),
  ]

  /// One file each: the counts are of both parts together.
  static let tables = [
    Published(name: "wdbc", row: [30], train: nil, test: [357, 212]),
    Published(name: "wine", row: [13], train: nil, test: [59, 71, 48]),
    Published(name: "iris", row: [4], train: nil, test: [50, 50, 50]),
    Published(name: "winequality-red", row: [11], train: nil, test: [10, 53, 681, 638, 199, 18]),
    Published(name: "winequality-white", row: [11], train: nil, test: [20, 163, 1457, 2198, 880, 175, 5]),
  ]

  static let root = DataRoot.standard
  static func isPresent(_ sets: [Published]) -> Bool {
    sets.allSatisfy { set in Catalog.dataSets.entries.contains { $0.name == set.name && $0.isPresent(in: root) } }
  }
  static func present(_ sets: [Published]) -> [Published] { sets.filter { isPresent([$0]) } }
  static let absent = (pictures + partedTables + tables).filter { !isPresent([$0]) }.map(\.name)

  @Test(
    "none was left out",
    .enabled(if: absent.isEmpty, Comment(rawValue: "not in \(root.url.path): \(absent.joined(separator: ", "))")))
  func noneIsAbsent() { #expect(Self.absent.isEmpty) }

  private func counts(_ labels: [Int], _ classes: Int) -> [Int] {
    labels.reduce(into: [Int](repeating: 0, count: classes)) { $0[$1] += 1 }
  }

  @Test("every set of the catalog is tested here")
  func allAreHere() {
    let here =
      (Self.pictures + Self.partedTables + Self.tables).map(\.name) + Self.regressions.map(\.name)
      + TextSetTests.sets.map(\.name) + FunctionTests.formulas.map(\.name)
    #expect(Catalog.dataSets.entries.map { $0.name }.sorted() == here.sorted())
  }

  /// The training parts are counted in their files: hundreds of megabytes of fp32 are not needed for that.
  @Test(
    "pictures", arguments: present(pictures))
  func picturesArePublished(_ set: Published) throws {
    let source = try Catalog.dataSets.entry(named: set.name)
    let data = try source.load(.test, from: Self.root), classes = set.test.count
    #expect(data.inputs.shape.row == set.row && data.targetNames.count == classes)
    #expect(try counts(data.labels, classes) == set.test)
    // Every 31st pixel has seen both ends.
    let some = stride(from: 0, to: data.inputs.count, by: 31).map { data.inputs.elements[$0] }
    #expect(some.min() == 0 && some.max() == 1)
    guard let train = set.train else {
      #expect(source.splits == [.test])
      expectFault(.absent, says: "train") { _ = try source.load(.train, from: Self.root) }
      return
    }
    var labels: [Int] = []
    for file in source.files where file.path.contains("train-labels") {
      labels += try Idx(Self.root.read(file, of: set.name), at: file.path).bytes.map(Int.init)
    }
    for file in source.files where file.path.contains("data_batch") {
      labels += try CifarBin(Self.root.read(file, of: set.name), at: file.path).labels
    }
    #expect(counts(labels, classes) == train)
  }

  @Test("tables in two files", arguments: present(partedTables))
  func partedTablesArePublished(_ set: Published) throws {
    let source = try Catalog.dataSets.entry(named: set.name)
    for (split, published) in [(Split.train, set.train ?? []), (.test, set.test)] {
      let data = try source.load(split, from: Self.root)
      let labels = try data.labels
      #expect(data.inputs.shape.row == set.row && counts(labels, published.count) == published)
      #expect(data.inputs.isFinite)
    }
  }

  @Test(
    "tables in one file: parts that are disjoint, seeded and standardized",
    arguments: present(tables))
  func tablesArePublished(_ set: Published) throws {
    let source = try Catalog.dataSets.entry(named: set.name)
    let train = try source.load(.train, from: Self.root), test = try source.load(.test, from: Self.root)
    #expect(train.inputs.shape.row == set.row && test.inputs.shape.row == set.row)
    #expect(try counts(train.labels + test.labels, set.test.count) == set.test)
    #expect(test.count == (train.count + test.count + 4) / 5)
    let again = try source.load(.test, from: Self.root)
    #expect(again.inputs == test.inputs && again.targets == test.targets)
    for column in 0..<set.row[0] {
      let values = (0..<train.count).map { Double(train.inputs.elements[$0 * set.row[0] + column]) }
      let mean = values.reduce(0, +) / Double(values.count)
      let square = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
      #expect(abs(mean) < 1e-5 && abs(square - 1) < 1e-4, "column \(column)")
    }
    // Rows that the file has once are in one part only; flowers and wines of equal measurements are in the others.
    guard ["wdbc", "wine"].contains(set.name) else { return }
    let rows = Set((0..<train.count).map { Array(train.inputs.row($0)) })
    #expect(rows.count == train.count && (0..<test.count).allSatisfy { !rows.contains(Array(test.inputs.row($0))) })
  }

  /// Examples and features.
  static let regressions: [(name: String, count: Int, features: Int)] = [
    ("concrete", 1030, 8), ("energy", 768, 8), ("kin8nm", 8192, 8), ("naval", 11_934, 16), ("power", 9568, 4),
    ("protein", 45_730, 9), ("wine-red-marks", 1599, 11), ("yacht", 308, 6),
  ]

  @Test("tables for regression: values in their own unit, parts that are disjoint, standardized features")
  func regressionsArePublished() throws {
    // The two large ones are read the same way.
    let here = Self.regressions.filter { set in
      set.count < 10_000 && Catalog.dataSets.entries.contains { $0.name == set.name && $0.isPresent(in: Self.root) }
    }
    for set in here {
      let source = try Catalog.dataSets.entry(named: set.name)
      let train = try source.load(.train, from: Self.root), test = try source.load(.test, from: Self.root)
      #expect(train.count + test.count == set.count && test.count == (set.count + 4) / 5, "\(set.name)")
      #expect(train.inputs.shape.row == [set.features] && train.targets.width == 1 && train.targetNames.count == 1)
      #expect(train.inputs.isFinite && test.inputs.isFinite)
      #expect(train.standardizedColumns == Set(0..<set.features))
      for column in 0..<set.features {
        let values = (0..<train.count).map { Double(train.inputs.elements[$0 * set.features + column]) }
        #expect(abs(values.reduce(0, +) / Double(values.count)) < 1e-3, "\(set.name), column \(column)")
      }
      guard case .values(let values) = train.targets else { continue }
      #expect(Set(values.elements).count > 5, "\(set.name)")
      expectFault(.unsupported, says: "a set with classes") { _ = try train.labels }
    }
  }

  @Test("a table for regression that is cut or has words in it is refused by its row")
  func damagedRegression() throws {
    let folder = try Scratch(), root = DataRoot(URL(filePath: folder.path))
    let place = URL(filePath: folder.file("uci-regression/yacht"))
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    for (text, words) in [
      ("1 2 3 4 5 6 7\n1 2 3\n", "row 2"), ("1 2 3 4 5 6 seven\n", "row 1"), ("1 2 3 4 5 6 inf\n", "7 numbers"),
      ("", "two rows"), ("1 2 3 4 5 6 7\n", "two rows"),
    ] {
      try Data(text.utf8).write(to: place.appending(path: "data.txt"))
      expectFault(.malformed, says: words) { _ = try Dataset.load("yacht", from: root) }
    }
    try Data("1\t2 3 4 5 6 7\r\n2 3 4 5 6 7 8\n\n".utf8).write(to: place.appending(path: "data.txt"))
    let (test, train) = (try Dataset.load("yacht", from: root), try Dataset.load("yacht", .train, from: root))
    #expect(test.count == 1 && train.count == 1 && train.inputs.elements == [0, 0, 0, 0, 0, 0])
  }

  @Test("a reference names a set and which of it", .enabled(if: isPresent([tables[2]]), "iris is absent"))
  func references() throws {
    let all = try Dataset.load("iris", from: Self.root), some = try Dataset.load("iris:7", from: Self.root)
    #expect(some.count == 7 && some.targets == all.targets.rows(Array(0..<7)) && some.inputs == all.inputs.rows(0..<7))
    let range = try Dataset.load("iris:3-7", from: Self.root)
    #expect(range.targets == all.targets.rows(Array(3..<7)) && range.inputs == all.inputs.rows(3..<7))
    #expect(try Dataset.load("iris:25-30", from: Self.root).count == 5)
    #expect(all.start == 0 && some.start == 0 && range.start == 3 && range.first(2).start == 3)
    for wrong in [
      "iris:", "iris:0", "iris:-1", "iris:x", "iris:1:2", "iris:99999999999999999999", "iris:5-5", "iris:-", "iris:9-3",
      "iris:1-2-3",
    ] {
      expectFault(.malformed, says: "NAME:COUNT") { _ = try Dataset.load(wrong, from: Self.root) }
    }
    // A name says what there is, no more.
    for wrong in ["iris:31", "iris:1000000000000", "iris:25-31"] {
      expectFault(.malformed, says: "up to 30") { _ = try Dataset.load(wrong, from: Self.root) }
    }
    for wrong in ["", ":", ":3", "irsi"] {
      #expect(throws: (any Error).self) { try Dataset.load(wrong, from: Self.root) }
    }
  }
}
