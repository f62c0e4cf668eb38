import DitherBasics
import DitherDatasets
import DitherTensor
import Testing

/// The published sets of texts: how many, of which classes.
@Suite("Sets of texts")
struct TextSetTests {
  struct Published: Sendable, CustomTestStringConvertible {
    let name: String
    /// By class, of both parts where `isOne`.
    let train: [Int], test: [Int]
    let isOne: Bool
    var testDescription: String { name }
  }

  static let sets = [
    Published(name: "sst2", train: [3310 + 428, 3610 + 444], test: [912, 909], isOne: false),
    Published(name: "trec", train: [1162, 1250, 86, 1223, 835, 896], test: [138, 94, 9, 65, 81, 113], isOne: false),
    Published(name: "sms-spam", train: [4827, 747], test: [], isOne: true),
  ]

  static let present = sets.filter { set in
    Catalog.dataSets.entries.contains { $0.name == set.name && $0.isPresent(in: .standard) }
  }

  private func counts(_ labels: [Int], _ classes: Int) -> [Int] {
    labels.reduce(into: [Int](repeating: 0, count: classes)) { $0[$1] += 1 }
  }

  @Test("as many of each class as published, words of the training part alone", arguments: present)
  func published(_ set: Published) throws {
    let train = try Dataset.load(set.name, .train), test = try Dataset.load("\(set.name)?length=20")
    let classes = set.train.count, (own, tested) = (try train.labels, try test.labels)
    if set.isOne {
      #expect(counts(own + tested, classes) == set.train && tested.count * 4 <= own.count + 4)
    } else {
      #expect(counts(own, classes) == set.train && counts(tested, classes) == set.test)
    }
    #expect(train.inputs.shape.row == [48] && test.inputs.shape.row == [20])
    let vocabulary = try #require(train.vocabulary), top = train.inputs.elements.max() ?? 0
    #expect(Int(top) < vocabulary.count && vocabulary.words == test.vocabulary?.words)
    #expect(!train.inputs.elements.prefix(4800).allSatisfy { $0 < 2 } && test.inputs.elements.contains(1))
  }
}
