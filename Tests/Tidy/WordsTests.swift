import Testing

/// Words: American in code, whole sentences in comments, and nothing that was left for later.
@Suite("Words")
struct WordsTests {
  @Test("nothing was left for later")
  func banned() {
    let words = /\b(TODO|FIXME|XXX|HACK|WIP)\b|try!|\bfatalError\(|\bas!/
    let found = (Repository.sources + Repository.tests).filter { $0.room != "Tidy" }.flatMap { file in
      file.lines.indices.filter { file.lines[$0].firstMatch(of: words) != nil }.map(file.place)
    }
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test("code is spelled as in America")
  func spelling() {
    let found = Self.places(of: Self.isBritish)
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test("a comment begins with its noun, not with a bare 'Of', 'What', 'Those' or 'Who'")
  func beginnings() {
    let found = Self.bareComments()
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test("every public declaration says what it is")
  func documented() {
    let found = Self.undocumentedDeclarations()
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  // MARK: how it is found

  private static func isBritish(_ line: Substring) -> Bool {
    // What users and files already say stays as it is: the key in an ONNX file's metadata, names of corruptions.
    line.replacing(/dither\.normalisation|after_normalisation|quantised_weights/, with: "")
      .firstMatch(of: spelling) != nil
  }

  nonisolated(unsafe) private static let spelling =
    /(?i)(normalis|standardis|initialis|quantis|randomis|optimis|minimis|maximis|linearis|serialis|regularis|equalis|finalis|summaris|recognis|organis|synchronis|authoris|colour|centre\b|centred|behaviour|neighbour|favour|honour|catalogue\b|artefact|grey)/

  private static func places(of isFault: (Substring) -> Bool) -> [String] {
    Repository.sources.flatMap { file in
      file.lines.indices.filter { isFault(file.lines[$0]) }.map(file.place)
    }
  }

  private static func bareComments() -> [String] {
    Repository.sources.flatMap { file in
      file.lines.indices.filter { at in
        file.lines[at].firstMatch(of: /^\s*\/\/\/? (?:- \w+(?: \w+)?: )?(?:Of|What|Those|Who)\b/) != nil
          && (at == 0 || file.lines[at - 1].firstMatch(of: /^\s*\/\//) == nil)
      }.map(file.place)
    }
  }

  /// A member that a documented requirement of a protocol asks for has its comment there, and so have those of Swift's protocols.
  private static func undocumentedDeclarations() -> [String] {
    let inherited = requirements
    return Repository.sources.flatMap { file in
      file.lines.indices.filter { at in
        guard file.lines[at].firstMatch(of: /^\s*(?:@\w+(?:\(.*\))? )*public (?!import)/) != nil else { return false }
        var above = at - 1
        while above >= 0, file.lines[above].firstMatch(of: /^\s*@/) != nil { above -= 1 }
        if above >= 0, file.lines[above].firstMatch(of: /^\s*\/\/\//) != nil { return false }
        return name(of: file.lines[at]).map { !inherited.contains($0) } ?? true
      }.map(file.place)
    }
  }

  private static let requirements: Set<String> = {
    var names: Set = ["description", "encode", "==", "<", "hash", "init()", "init(from"]
    for file in Repository.sources {
      var end: String?
      for (at, line) in file.lines.enumerated() {
        if let match = line.firstMatch(of: /^(\s*)(?:public |package )?protocol \w+.*\{$/) { end = "\(match.1)}" }
        if let close = end, line == close { end = nil }
        guard end != nil, at > 0, file.lines[at - 1].firstMatch(of: /^\s*\/\/\//) != nil else { continue }
        if let name = name(of: line) { names.insert(name) }
      }
    }
    return names
  }()

  /// `perturb`, `==`, `init(from`.
  private static func name(of line: Substring) -> String? {
    if let match = line.firstMatch(of: /^[^"({]*\binit\??\((\w*)/) {
      return match.1.isEmpty ? "init()" : "init(\(match.1)"
    }
    return line.firstMatch(
      of: /\b(?:var|let|func|case|struct|enum|class|protocol|extension|typealias|subscript)\b ?([\w+*<=>-]*)/
    )
    .map { String($0.1) }
  }
}
