import DitherBasics
import DitherDatasets
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Tables as they are published, with what a hand or a disk did to them.
@Suite("Tables of classes and of values")
struct TableTests {
  private static let kinds = ["Iris-setosa", "Iris-versicolor", "Iris-virginica"]

  /// Irises of four measurements.
  private static func iris(_ count: Int = 40, _ change: (Int, inout [String]) -> Void = { _, _ in }) -> String {
    (0..<count).map { row in
      var fields = (1...4).map { "\(Double((row * 7 + $0 * 3) % 11) / 4)" }
      change(row, &fields)
      return (fields + [kinds[row % 3]]).joined(separator: ",")
    }.joined(separator: "\n")
  }

  private static func load(_ set: String, _ path: String, _ text: String) throws -> (train: Dataset, test: Dataset) {
    let folder = try Scratch(), root = DataRoot(URL(filePath: folder.path)), place = URL(filePath: folder.file(path))
    try FileManager.default.createDirectory(at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: place)
    return (try Dataset.load(set, .train, from: root), try Dataset.load(set, from: root))
  }

  @Test("each row is in one part, with its class, and numbers are standardized")
  func parts() throws {
    let (train, test) = try Self.load("iris", "uci/iris/iris.csv", Self.iris())
    #expect(train.count == 32 && test.count == 8 && train.inputs.shape.row == [4])
    let labels = try train.labels + test.labels
    #expect((0..<3).map { kind in labels.count { $0 == kind } } == [14, 13, 13] && test.targetNames == Self.kinds)
    for column in 0..<4 {
      let values = (0..<32).map { Double(train.inputs.elements[$0 * 4 + column]) }
      #expect(abs(values.reduce(0, +)) < 1e-4 && abs(values.reduce(0) { $0 + $1 * $1 } - 32) < 1e-3)
    }
  }

  @Test("a column of words becomes one for each word that the training part has")
  func words() throws {
    let (train, test) = try Self.load(
      "iris", "uci/iris/iris.csv", Self.iris { row, fields in fields[1] = row % 2 == 0 ? "red" : "blue" })
    #expect(train.inputs.shape.row == [5])
    for data in [train, test] {
      for row in 0..<data.count {
        let own = Array(data.inputs.row(row)[(row * 5 + 1)...(row * 5 + 2)])
        #expect(own == [0, 1] || own == [1, 0])
      }
    }
  }

  @Test(
    "a number that is none is refused by its column and its part, wherever it stands",
    arguments: ["inf", "nan", "-infinity", "1e400", "?"])
  func notFinite(_ word: String) throws {
    var parts: Set<String> = []
    for place in 0..<40 {
      let text = Self.iris { row, fields in if row == place { fields[2] = word } }
      do {
        let (train, test) = try Self.load("iris", "uci/iris/iris.csv", text)
        // Words in the training part make it a column of words.
        #expect(train.standardizedColumns == [0, 1, train.inputs.shape.row[0] - 1])
        #expect(word == "?" && train.inputs.shape.row[0] > 4 && train.inputs.isFinite && test.inputs.isFinite)
      } catch let error as DatasetError {
        #expect(error.code == .malformed && error.expected == "a finite number in column 3")
        #expect(error.got.contains("'\(word)'"))
        parts.insert(error.place.hasSuffix("of the test part") ? "test" : "training")
      }
    }
    #expect(parts == (word == "?" ? ["test"] : ["test", "training"]))
  }

  @Test("a class that the set has not is refused by its row, and so are rows of other widths")
  func otherClass() throws {
    expectFault(.malformed, says: "got 'Iris-x'") {
      _ = try Self.load("iris", "uci/iris/iris.csv", Self.iris() + "\n1,2,3,4,Iris-x")
    }
    expectFault(.malformed, says: "line 2") {
      _ = try Self.load("iris", "uci/iris/iris.csv", "1,2,3,4,Iris-setosa\n1,2,3,Iris-setosa")
    }
    expectFault(.malformed, says: "rows of one width") { _ = try Self.load("iris", "uci/iris/iris.csv", "") }
  }

  @Test("a column of one number keeps its unit: another in the test part is no giant")
  func constant() throws {
    // The mean of many 0.1 is not 0.1 to the last digit.
    for place in 0..<40 {
      let (train, test) = try Self.load(
        "iris", "uci/iris/iris.csv", Self.iris { row, fields in fields[0] = row == place ? "0.3" : "0.1" })
      let first = [train, test].map { data in (0..<data.count).map { data.inputs.elements[$0 * 4] } }
      #expect(first.joined().allSatisfy { abs($0) < 10 }, "row \(place): \(first.joined().max() ?? 0)")
    }
    let rows = (0..<40).map { "0.1 \($0) 2 3 4 5 \($0 % 7)" }
    for place in 0..<40 {
      var rows = rows
      rows[place] = "0.3 1 2 3 4 5 6"
      let (train, test) = try Self.load(
        "yacht", "uci-regression/yacht/data.txt", rows.joined(separator: "\n"))
      #expect((train.inputs.elements + test.inputs.elements).allSatisfy { abs($0) < 10 }, "row \(place)")
    }
  }
}
