import DitherBasics
import Foundation
import Testing

@Suite("Words from elsewhere on a terminal")
struct ShownTests {
  @Test(
    "what a terminal would obey is written out",
    arguments: [
      ("\u{1B}]0;owned\u{7}", "\\u{1b}]0;owned\\u{7}"), ("a\u{9B}2J", "a\\u{9b}2J"), ("a\rb", "a\\u{d}b"),
      ("x\u{7F}", "x\\u{7f}"), ("abc\u{202E}gnp", "abc\\u{202e}gnp"), ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
      ("\u{200B}", "\\u{200b}"), ("\u{2028}", "\\u{2028}"), ("two\nlines\t", "two\\u{a}lines\\u{9}"),
      ("\u{E0041}", "\\u{e0041}"),
    ])
  func escapes(_ text: String, _ shown: String) { #expect(text.shown() == shown) }

  @Test(
    "words of any script stay as they are", arguments: ["", "σ = 0.05", "Größe", "日本語", "שלום", "👩‍🔬", "नमस्ते", "می‌خواهم"])
  func keeps(_ text: String) { #expect(text.shown() == text && text.jsonShown == text) }

  @Test("texts of several lines keep their lines, and nothing else that acts")
  func lines() { #expect("a\tb\n\u{1B}[2J".shown(keepsLines: true) == "a\tb\n\\u{1b}[2J") }

  @Test("JSON keeps its value", arguments: ["\u{9B}2J", "\u{202E}x", "\u{E0041}", "a\u{7F}", "\u{1B}[2J\n", "\\u{1b}"])
  func json(_ text: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .prettyPrinted
    let written = String(decoding: try encoder.encode([text]), as: UTF8.self).jsonShown
    #expect(try JSONDecoder().decode([String].self, from: Data(written.utf8)) == [text])
    for scalar in written.unicodeScalars where scalar != "\n" {
      #expect(scalar.properties.generalCategory != .control && scalar.properties.generalCategory != .format)
    }
  }

  enum Trouble: FaultCode {
    case some
    var category: FaultCategory { .internalError }
  }

  @Test("no fault carries what a terminal would obey, whichever of its words has it", arguments: 0..<4)
  func faults(_ part: Int) {
    let words = (0..<4).map { $0 == part ? "a\u{1B}]0;x\u{7}\u{202E}" : "b" }
    let fault = Fault(Trouble.some, at: words[0], expected: words[1], got: words[2], advice: words[3])
    #expect(fault.description.contains("a\\u{1b}]0;x\\u{7}\\u{202e}"))
    #expect("\(fault)" == fault.description.shown())
    #expect(words[part].clipped() == words[part].shown())
  }
}
