import DitherBasics
import DitherTensor

/// Texts of one's own: a line an example, LABEL, a tab, TEXT.
struct TextFile: DataForm {
  static let name = "text"
  static let summary = "texts: FILE.txt or FILE.tsv, a line LABEL<TAB>TEXT each"
  static func takes(_ files: OwnFiles) -> Bool {
    if files.endings == ["txt"] { return true }
    guard files.endings == ["tsv"] else { return false }
    // A table's fields are words, a text's have blanks.
    let lines = String(decoding: files.head(1 << 16), as: UTF8.self).split(whereSeparator: \.isNewline).prefix(200)
    let fields = lines.map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
    return fields.allSatisfy { $0.count == 2 } && fields.count { $0[1].contains(" ") } * 2 > fields.count
  }

  /// Words of an example: longer texts are cut, shorter ones filled up.
  var length = TextOptions().length
  /// The most words that have numbers of their own.
  var vocabulary = TextOptions().vocabulary

  private var options: TextOptions { TextOptions(length: length, vocabulary: vocabulary) }
  func check() throws(CatalogError) { try options.check() }

  private static let mostBytes = 1 << 29

  func load(_ split: Split, from files: inout OwnFiles) throws -> Dataset {
    let path = files.path.clipped(), lines = LabeledTexts.lines(try files.content(most: Self.mostBytes))
    var parts: [(label: Substring, text: Substring)] = []
    for (at, line) in lines.enumerated() {
      let fields = line.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false)
      guard fields.count == 2, !fields[0].isEmpty, fields[1].contains(where: { !$0.isWhitespace }) else {
        throw DatasetError(
          .malformed, at: "\(path), line \(at + 1) with text", expected: "LABEL, a tab, TEXT",
          got: "'\(String(line).clipped())'")
      }
      parts.append((fields[0], fields[1]))
    }
    let names = Set(parts.map(\.label)).sorted().map(String.init)
    guard parts.count >= 2, (2...TableFile.mostClasses).contains(names.count) else {
      throw DatasetError(
        .malformed, at: path, expected: "texts of 2 to \(TableFile.mostClasses) labels",
        got: "\(parts.count) of \(names.count)")
    }
    let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    var texts = LabeledTexts(classNames: names)
    for part in parts { texts.add(part.text, label: numbers[String(part.label)] ?? 0) }
    let holdout = Holdout(count: parts.count)
    var set = try texts.dataset(holdout.rows(split), train: holdout.train, options, name: path)
    set.undividedCount = parts.count
    return set
  }
}
