import DitherBasics
import DitherDatasets
import DitherTensor
import Testing

@Suite("Tables of text")
struct CsvTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let text: String
    let rows: [[String]]
    init(_ name: String, _ text: String, _ rows: [[String]]) {
      (testDescription, self.text, self.rows) = (name, text, rows)
    }
  }

  @Test(
    "read",
    arguments: [
      Row("nothing", "", []),
      Row("one field", "a", [["a"]]),
      Row("commas", "a,b\nc,d\n", [["a", "b"], ["c", "d"]]),
      Row("semicolons", "a;b,c;d\n", [["a", "b,c", "d"]]),
      Row("tabs", "a\tb\n", [["a", "b"]]),
      Row("Windows' line ends", "a;b\r\nc,1,2;d\r\n", [["a", "b"], ["c,1,2", "d"]]),
      Row("the old Macintosh's line ends", "a,b\rc,d", [["a", "b"], ["c", "d"]]),
      Row("empty lines and spaces", "\n a , b \n\n\nc,d\n\n", [["a", "b"], ["c", "d"]]),
      Row("missing cells", ",b,\n,,\n", [["", "b", ""], ["", "", ""]]),
      Row("quotes", "\"a,b\",c\n", [["a,b", "c"]]),
      Row("quotes after a space", "x, \"a,b\" ,c\n", [["x", "a,b", "c"]]),
      Row("an empty quoted field", "\"\",\" \"\n", [["", " "]]),
      Row("a quoted quote", "\"a\"\"b,c\",d\n", [["a\"b,c", "d"]]),
      Row("quotes alone", "\"\"\"\",\"\"\"\"\"\"\n", [["\"", "\"\""]]),
      Row("a quoted line end", "\"a\nb\",c\nd,e", [["a\nb", "c"], ["d", "e"]]),
      Row("a quote inside a field", "5\" disk,b\n", [["5\" disk", "b"]]),
      Row("a byte order mark", "\u{FEFF}1,2\n", [["1", "2"]]),
      Row("other scripts", "ä\u{301},\u{301}b\u{2028}c\n", [["ä\u{301}", "\u{301}b\u{2028}c"]]),
    ])
  func reads(_ row: Row) throws { #expect(try Csv(Array(row.text.utf8), at: "x").rows == row.rows) }

  @Test(
    "refused",
    arguments: [
      ("a,b\nc\n", .malformed, "line 2"), ("a,b\nc,d,e", .malformed, "line 2"), ("a,\"b", .truncated, "closing quote"),
      ("a,\"b\nc,d\n", .truncated, "closing quote"), ("\"a\"b,c\n", .malformed, "line 1"),
    ] as [(String, DatasetFault, String)])
  func refuses(_ text: String, _ fault: DatasetFault, _ words: String) {
    expectFault(fault, says: words) { _ = try Csv(Array(text.utf8), at: "x") }
  }

  @Test("other bytes than text are refused")
  func notText() { expectFault(.malformed, says: "UTF-8") { _ = try Csv([0x61, 0xFF, 0x0A], at: "x") } }

  @Test("numbers, with a header or without")
  func numbers() throws {
    for text in ["1,2.5\n-3e2,4\n", "width,height\r\n1,2.5\r\n-3e2,4\r\n", ",height\n1,2.5\n-3e2,4\n"] {
      let tensor = try Csv(Array(text.utf8), at: "x").tensor(at: "x")
      #expect(tensor.shape == [2, 2] && tensor.elements == [1, 2.5, -300, 4])
    }
    for (text, words) in [
      ("1,\n", "row 1"), (",\n1,2\n", "row 1"), ("1,2\n3,?\n", "row 2"), ("", "one row"), ("a,b\n", "a header alone"),
    ] {
      expectFault(.malformed, says: words) { _ = try Csv(Array(text.utf8), at: "x").tensor(at: "x") }
    }
  }
}
