import DitherBasics
import Testing

@Suite("YAML in bounds")
struct BoundedYamlTests {
  @Test("keys come in their order, with values, words and lines")
  func entries() throws {
    let text = "# a comment\nb: 1\n\na: 'x y'\nlist: [1, two]\nmap:\n  k: true\nnone:\n"
    let found = try BoundedYaml.entries(text, at: "file")
    #expect(found.map(\.key) == ["b", "a", "list", "map", "none"] && found.map(\.line) == [2, 4, 5, 6, 8])
    #expect(found.map(\.text) == ["1", "x y", nil, nil, ""])
    #expect(found[0].value == .number(1) && found[2].value == .list([.number(1), .text("two")]))
    #expect(found[3].value == .mapping(["k": .flag(true)]) && found[4].value == .none)
    #expect(try BoundedYaml.entries("", at: "file").isEmpty && BoundedYaml.entries("# x\n", at: "file").isEmpty)
  }

  @Test(
    "texts that are refused",
    arguments: [
      ("a: 1\nb: 2\na: 3\n", "line 3"), ("- a\n", "keys with values"), ("word", "keys with values"),
      ("? [a, b]\n: 1\n", "keys that are words"), ("a: 'x\n", "YAML"),
      ("a: [1, 2\nb: {c\n", "line 2, column 2: expected YAML, got text where the reader did not find expected"),
      ("a: [1", "file: expected YAML"), ("a: \u{1}\n", "expected YAML, got control characters"),
      (String(repeating: "[", count: 5000), "YAML"), (String(repeating: "- ", count: 5000) + "x", "YAML"),
    ])
  func refused(_ text: String, _ words: String) {
    #expect {
      _ = try BoundedYaml.entries(text, at: "file")
    } throws: {
      let isRight = "\($0)".contains(words) && "\($0)".hasPrefix("file")
      return isRight && !"\($0)".contains(where: \.isNewline)
    }
  }

  @Test("aliases that repeat each other are counted")
  func laughs() {
    var text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]\n"
    for level in 1..<9 {
      text += "a\(level): &a\(level) [\([String](repeating: "*a\(level - 1)", count: 8).joined(separator: ", "))]\n"
    }
    #expect {
      _ = try BoundedYaml.entries(text, at: "file")
    } throws: {
      ($0 as? YamlTextError)?.code == .tooLarge
    }
  }

  /// Words that YAML 1.1 and 1.2 take for something else, text that looks like structure, control characters.
  static let values: [Setting] = [
    .none, .flag(true), .number(0.5), .number(-3), .number(1e21), .text(""), .text("word"), .text("two words"),
    .text("yes"),
    .text("No"), .text("null"), .text("~"), .text("1"), .text("1e5"), .text("0x1F"), .text("- a"), .text("a: b"),
    .text("#x"), .text("'\""), .text("\\"), .text("a\nb\n"), .text("\t\u{7}\u{1B}[0m"), .text("é ü 漢 \u{1F600}"),
    .text("\u{85}\u{2028}\u{FEFF}"), .text("2024-01-01"), .text("---"), .list([]), .mapping([:]),
    .list([.number(1), .list([.text("a")]), .mapping(["k": .text("v"), "l": .list([.flag(false)])])]),
    .mapping(["x y": .text("z"), "yes": .mapping(["deep": .list([.mapping(["a": .none])])])]),
  ]

  @Test("what is no number that JSON has stays a word")
  func notFinite() throws {
    #expect(try BoundedYaml.entries("a: .nan\nb: -.inf\n", at: "x").map(\.value) == [.text(".nan"), .text("-.inf")])
  }

  @Test("what is written is read back as it was")
  func roundTrip() throws {
    for value in Self.values {
      for whole in [value, .list([value]), .mapping(["k": value]), .mapping(["k": .list([.mapping(["l": value])])])] {
        let text = BoundedYaml.text(of: [(key: "first", value: .flag(true)), (key: "it", value: whole)])
        let found = try BoundedYaml.entries(text, at: "text")
        #expect(found.map(\.value) == [.flag(true), whole], "\(text)")
      }
    }
  }
}
