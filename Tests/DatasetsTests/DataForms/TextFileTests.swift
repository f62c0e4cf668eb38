import DitherDatasets
import DitherTensor
import Foundation
import Testing

/// Texts of one's own, and words as numbers.
@Suite("Texts of one's own")
struct TextFileTests {
  private static let lines = (0..<20).map { row in
    row % 2 == 0 ? "good\tA film, a GOOD film no. \(row)" : "bad\tIt's bad — naïve film \(row)"
  }

  @Test("words are lower case, split where no letter or digit stands; the most frequent of the training part first")
  func numbers() throws {
    let folder = try Folder(texts: [
      "t.txt": Self.lines.joined(separator: "\n"), "t.tsv": Self.lines.joined(separator: "\r\n"),
    ])
    let (train, test) = (try folder.load("t.txt?length=8", .train), try folder.load("t.txt?length=8"))
    #expect(
      train.count == 16 && test.count == 4 && train.inputs.shape.row == [8] && train.targetNames == ["bad", "good"])
    let vocabulary = try #require(train.vocabulary)
    #expect(vocabulary == test.vocabulary)
    // "film" stands in each text, twice in a good one; equals stand in the order of their bytes.
    #expect(
      vocabulary.words.first == "film" && vocabulary.words.contains("naïve") && !vocabulary.words.contains("a film"))
    let rows = (0..<train.count).map { train.inputs.row($0).map { Int($0) } }
    var counts: [Int: Int] = [:]
    for row in rows { for number in row where number > 0 { counts[number, default: 0] += 1 } }
    #expect(counts[1] == nil, "each word of the training part is known")
    for number in 3..<vocabulary.count { #expect((counts[number - 1] ?? 0) >= (counts[number] ?? 0)) }
    // The number of a test text is no word that the training part has.
    for row in 0..<test.count { #expect(test.inputs.row(row).contains(1)) }
    #expect(vocabulary.row("FILM;unheard-of  film!").map { Int($0) } == [2, 1, 1, 2, 0, 0, 0, 0])
    #expect(
      vocabulary.row("").allSatisfy { $0 == 0 }
        && vocabulary.row("film " + String(repeating: "x ", count: 20)).count == 8)
    #expect(try folder.load("t.tsv?length=8").inputs == test.inputs)
  }

  @Test("few words, if it is said; what is kept in a file is read again")
  func bounds() throws {
    let folder = try Folder(texts: ["t.txt": Self.lines.joined(separator: "\n")])
    let vocabulary = try #require(try folder.load("t.txt?vocabulary=3&length=5").vocabulary)
    #expect(vocabulary.words.count == 3 && vocabulary.count == 5 && vocabulary.length == 5)
    let again = try JSONDecoder().decode(Vocabulary.self, from: JSONEncoder().encode(vocabulary))
    #expect(again == vocabulary && again.row("film film") == vocabulary.row("film film"))
    for text in [#"{"length": 0, "words": []}"#, #"{"length": 99999, "words": []}"#, "{}"] {
      #expect(throws: DecodingError.self) { try JSONDecoder().decode(Vocabulary.self, from: Data(text.utf8)) }
    }
  }

  @Test("lines without a label or a text are refused")
  func refused() throws {
    for (text, words) in [
      ("good\tx\nbad\n", "line 2"), ("good\tx\n\ty y\n", "line 2"), ("a\tx\nb\t  \n", "line 2"), ("", "2 to 10000"),
      ("a\tx\na\ty\n", "2 to 10000"),
    ] {
      let folder = try Folder(texts: ["t.txt": text])
      expectFault(.malformed, says: words) { _ = try folder.load("t.txt") }
    }
    let latin = try Folder(["t.txt": Array("a\tcaf".utf8) + [0xE9] + Array("\nb\tx\na\ty\n".utf8)])
    #expect(try latin.load("t.txt", .train).vocabulary.map { $0.words.contains("café") || $0.words.count == 2 } == true)
  }
}
