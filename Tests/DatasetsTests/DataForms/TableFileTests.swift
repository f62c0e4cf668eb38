import DitherDatasets
import DitherTensor
import Foundation
import Testing

/// Tables of one's own.
@Suite("Tables of one's own")
struct TableFileTests {
  /// Forty rows: a number, a word, then the target.
  private static func rows(_ target: (Int) -> String, header: String? = "size,color,kind") -> String {
    ([header].compactMap { $0 } + (0..<40).map { "\($0 * 3 % 40),\($0 % 2 == 0 ? "red" : "blue"),\(target($0))" })
      .joined(separator: "\n")
  }

  @Test("numbers are standardized by the training part, words become columns, words of the target classes")
  func classes() throws {
    let folder = try Folder(texts: ["t.csv": Self.rows { ["b", "a", "c"][$0 % 3] }])
    let (train, test) = (try folder.load("t.csv", .train), try folder.load("t.csv"))
    #expect(train.count == 32 && test.count == 8 && train.inputs.shape.row == [3])
    #expect(train.targetNames == ["a", "b", "c"] && train.standardizedColumns == [0])
    let made = try #require(train.features)
    #expect(
      made.count == train.inputs.rowLength && made[0].contains(", less ") && made[0].contains(", over "), "\(made)")
    #expect(made.dropFirst().allSatisfy { $0.contains(" is ") && $0.hasSuffix(": 1, else 0") }, "\(made)")
    let sizes = (0..<32).map { Double(train.inputs.elements[$0 * 3]) }
    #expect(abs(sizes.reduce(0, +)) < 1e-4 && abs(sizes.reduce(0) { $0 + $1 * $1 } - 32) < 1e-3)
    #expect(train.origin?.files == 1 && train.name == folder.file("t.csv"))
  }

  @Test("the target by name or number, columns that are ignored, and no header")
  func columns() throws {
    let folder = try Folder(texts: [
      "t.csv": Self.rows { "\(Double($0) / 8)" }, "bare.csv": Self.rows({ "\(Double($0) / 8)" }, header: nil),
      "t.tsv": Self.rows { "\($0)" }.replacing(",", with: "\t"),
    ])
    for name in ["t.csv?target=color", "t.csv?target=2", "bare.csv?target=2"] {
      let set = try folder.load(name)
      #expect(set.targetNames == ["blue", "red"] && set.inputs.shape.row == [2], "\(name)")
    }
    #expect(try folder.load("t.csv?ignore=color").inputs.shape.row == [1])
    #expect(try folder.load("t.csv?ignore=size&target=kind").inputs.shape.row == [2])
    #expect(try folder.load("bare.csv?header=true").count == 8)
    #expect(try folder.load("t.tsv").inputs.shape.row == [3])
    expectFault(.malformed, says: "did you mean 'color'") { _ = try folder.load("t.csv?target=colour") }
    expectFault(.malformed, says: "a number from 1 to 3") { _ = try folder.load("bare.csv?target=4") }
    expectFault(.malformed, says: "a column beside the target") { _ = try folder.load("t.csv?ignore=size,color") }
  }

  struct Kind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let target: @Sendable (Int) -> String
    let said: TargetKind?
    /// nil: values.
    let classes: [String]?
  }

  @Test(
    "what the target is taken for",
    arguments: [
      Kind(testDescription: "few whole numbers", target: { "\($0 % 3 + 3)" }, said: nil, classes: ["3", "4", "5"]),
      Kind(
        testDescription: "3 and 3.0", target: { $0 % 2 == 0 ? "3" : "3.0" + ($0 % 4 == 1 ? "" : "0") }, said: nil,
        classes: nil),
      Kind(testDescription: "sorted as numbers", target: { "\($0 % 2 * 8 + 2)" }, said: nil, classes: ["2", "10"]),
      Kind(testDescription: "many whole numbers", target: { "\($0)" }, said: nil, classes: nil),
      Kind(testDescription: "fractions", target: { "\($0 % 2).5" }, said: nil, classes: nil),
      Kind(
        testDescription: "fractions as classes", target: { "\($0 % 2).5" }, said: .classification,
        classes: ["0.5", "1.5"]),
      Kind(testDescription: "few numbers as values", target: { "\($0 % 3)" }, said: .regression, classes: nil),
      Kind(
        testDescription: "a word among numbers, as classes", target: { $0 == 7 ? "x" : "\($0 % 2)" },
        said: .classification, classes: ["0", "1", "x"]),
    ])
  func kinds(_ kind: Kind) throws {
    let folder = try Folder(texts: ["t.csv": Self.rows(kind.target)])
    guard kind.testDescription != "3 and 3.0" else {
      expectFault(.malformed, says: "2 to 10000 classes") { _ = try folder.load("t.csv") }
      return
    }
    let byCall = try folder.load("t.csv", targets: kind.said)
    let byOption = try folder.load(kind.said.map { "t.csv?task=\($0.rawValue)" } ?? "t.csv")
    #expect(byCall.targets == byOption.targets)
    if let classes = kind.classes {
      #expect(byCall.targetNames == classes)
    } else {
      #expect(throws: DatasetError.self) { try byCall.labels }
      #expect(byCall.targetNames == ["kind"])
    }
  }

  @Test("what is wrong is refused with file, row, column and remedy")
  func refused() throws {
    func refuse(_ text: String, _ words: String...) throws {
      let folder = try Folder(texts: ["t.csv": text])
      do {
        _ = try folder.load("t.csv")
        Issue.record("was read: \(text.prefix(40))")
      } catch { for word in words { #expect("\(error)".contains(word), "\(error)") } }
    }
    try refuse(
      Self.rows { "\($0).5" }.replacing("\n6,red", with: "\n?,red"), "t.csv, row 4, column 'size'", "?ignore=size")
    try refuse(Self.rows { "\($0).5" }.replacing("\n6,red", with: "\ninf,red"), "row 4, column 'size'", "finite")
    try refuse(Self.rows { "\($0).5" }.replacing("\n6,red", with: "\n6,"), "row 4, column 'color'", "got nothing")
    try refuse(Self.rows { $0 == 2 ? "" : "\($0).5" }, "row 4, column 'kind'", "a target")
    try refuse(Self.rows { $0 == 2 ? "x" : "\($0).5" }, "row 4, column 'kind'", "a number", "?task=classification")
    try refuse(Self.rows { _ in "same" }, "column 'kind'", "2 to 10000 classes")
    try refuse("a,b\n1,2\n3\n", "line 3", "2 fields")
    try refuse("a,b\n1,2\n", "two rows")
    try refuse("", "two rows")
    try refuse("1\n2\n3\n", "two columns")
    try refuse((0..<1500).map { "word\($0),\($0 % 2)" }.joined(separator: "\n"), "column 1", "?ignore=1")
  }
}
