import Testing

/// Files of one subject, functions that are read without scrolling.
@Suite("Shape")
struct ShapeTests {
  static let mostLines = 440
  static let mostFunctionLines = 70

  /// Functions that are longer, and files: a flat table or switch may be, others wait to be cut.
  static let longFiles: Set<String> = []
  static let longFunctions: Set<String> = []

  @Test("files are short")
  func files() {
    let ofC = ["Sources", "Tests"].flatMap { Repository.files($0, "c") + Repository.files($0, "h") }
    let long = (Repository.sources + Repository.tests + ofC)
      .filter { $0.lines.count > Self.mostLines && !Self.longFiles.contains($0.path) }
      .map { "\($0): \($0.lines.count) lines" }
    #expect(long.isEmpty, "more than \(Self.mostLines): \(long.joined(separator: ", "))")
  }

  @Test("functions are short")
  func functions() {
    let long = Repository.sources.flatMap { file in
      Self.functions(of: file).filter { $0.count > Self.mostFunctionLines }
        .filter { !Self.longFunctions.contains("\(file) \($0.name)") }.map { "\(file) \($0.name): \($0.count) lines" }
    }
    #expect(long.isEmpty, "more than \(Self.mostFunctionLines): \(long.joined(separator: ", "))")
  }

  @Test("no line is longer than 120 columns, but in text and in tables")
  func columns() {
    let long = Repository.sources.flatMap { file in
      let text = Self.linesOfText(in: file)
      return file.lines.indices
        .filter { file.lines[$0].count > 120 && !file.lines[$0].contains("\"") && !text.contains($0) }.map(file.place)
    }
    #expect(long.isEmpty, "\(long.joined(separator: "\n"))")
  }

  /// Lines within literals of several lines: help, pages and their style.
  private static func linesOfText(in file: Repository.File) -> Set<Int> {
    var isText = false, found: Set<Int> = []
    for (at, line) in file.lines.enumerated() {
      if isText { found.insert(at) }
      if !line.matches(of: /"""/).count.isMultiple(of: 2) { isText.toggle() }
    }
    return found
  }

  /// With their lengths; the formatter puts a function's end under its beginning.
  private static func functions(of file: Repository.File) -> [(name: String, count: Int)] {
    var found: [(String, Int)] = []
    for (at, line) in file.lines.enumerated() {
      guard let match = line.firstMatch(of: /^( *)(?:[\w@()]+ )*(?:func (\S+?)[(<]|(init)[?(<])/) else { continue }
      let indent = match.1
      let end = file.lines[at...].firstIndex { $0 == "\(indent)}" }
      let next = file.lines[(at + 1)...].firstIndex {
        $0.hasPrefix(indent) && $0.dropFirst(indent.count).first != " " && !$0.dropFirst(indent.count).hasPrefix(")")
      }
      // One without a body, or of one line, ends before anything else of its depth begins.
      guard let end, let next, end <= next || file.lines[next].hasPrefix("\(indent)}") else { continue }
      found.append((String(match.2 ?? "init"), end - at + 1))
    }
    return found
  }
}
