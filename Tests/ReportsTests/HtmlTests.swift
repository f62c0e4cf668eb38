import DitherReports
import Testing

/// Markup is safe by construction: whatever text is put into it stays text.
@Suite("The writer of markup")
struct HtmlTests {
  @Test("of all characters below 256, none opens a tag, an attribute or a reference, and none is forbidden")
  func characters() {
    for value in UInt32(0)..<256 {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let html: Html = "<p title=\"\(String(scalar))\">\(String(scalar))</p>"
      let written = html.source.dropFirst("<p title=\"".count).prefix { $0 != "\"" }
      #expect(html.source == "<p title=\"\(written)\">\(written)</p>", "\(value)")
      #expect(!written.contains { "<>\"'".contains($0) })
      #expect(!written.contains("&") || written.contains(/^&[#a-z0-9]+;$/))
      let isForbidden = value < 32 && ![9, 10, 13].contains(value)
      #expect(written.unicodeScalars.contains("\u{FFFD}") == isForbidden, "\(value)")
    }
  }

  @Test("other scripts, and characters made of several, stay as they are")
  func scripts() {
    for text in ["ε ≤ 8∕255", "e\u{301}", "👩‍👩‍👧", "שלום", "\u{10FFFF}"] {
      let html: Html = "\(text)"
      #expect(html.source == text)
    }
    // A mark that combines with what it follows hides no quote.
    let html: Html = "\("\"\u{301}<\u{338}&\u{20D0}")"
    #expect(html.source == "&quot;\u{301}&lt;\u{338}&amp;\u{20D0}")
  }

  @Test("markup in markup is markup; nothing is nothing; numbers are numbers")
  func interpolation() {
    let part: Html = "<b>\("<")</b>", none: Html? = nil
    let html: Html = "\(part)\(none)\([part, part])\(3)\(0.12345)\(-0.001)"
    #expect(html.source == "<b>&lt;</b><b>&lt;</b><b>&lt;</b>30.12-0.0")
    #expect(Html(joining: [part, "x", part], by: " ").source == "<b>&lt;</b> x <b>&lt;</b>")
  }

  @Test("a table has a head for each column and a row for each row, in their order, as text")
  func table() {
    let heads = ["name", "a<b", "c&d"], rows = [["x\"", "1", "2"], ["", "–", "<i>"], ["y", "", "3"]]
    for isWordy in [false, true] {
      let source = Html.table("cap <tion>", heads, rows, isWordy: isWordy).source
      #expect(source.contains("<caption>cap &lt;tion&gt;</caption>") && source.contains("wordy") == isWordy)
      #expect(source.matches(of: /<th scope="col">(.*?)<\/th>/).map { String($0.1) } == ["name", "a&lt;b", "c&amp;d"])
      let cells = source.matches(of: /<tr><th scope="row">(.*?)<\/th>(.*?)<\/tr>/).map { row in
        [String(row.1)] + row.2.matches(of: /<td>(.*?)<\/td>/).map { String($0.1) }
      }
      #expect(cells == [["x&quot;", "1", "2"], ["", "–", "&lt;i&gt;"], ["y", "", "3"]])
    }
    #expect(!Html.table("none", [], []).source.contains("<td>"))
  }
}
