/// Markup that is safe by construction: text that is interpolated is escaped, markup is not.
package struct Html: ExpressibleByStringInterpolation, Sendable {
  package private(set) var source: String

  package init(stringLiteral value: String) { source = value }
  package init(stringInterpolation: Interpolation) { source = stringInterpolation.source }
  package init(joining parts: [Html], by separator: String = "") {
    source = parts.map(\.source).joined(separator: separator)
  }

  package struct Interpolation: StringInterpolationProtocol {
    fileprivate var source = ""
    package init(literalCapacity: Int, interpolationCount: Int) { source.reserveCapacity(literalCapacity * 2) }
    package mutating func appendLiteral(_ literal: String) { source += literal }
    package mutating func appendInterpolation(_ markup: Html) { source += markup.source }
    package mutating func appendInterpolation(_ markup: Html?) { source += markup?.source ?? "" }
    package mutating func appendInterpolation(_ markup: [Html]) { for part in markup { source += part.source } }
    package mutating func appendInterpolation(_ number: some BinaryInteger) { source += "\(number)" }
    /// A coordinate: to a hundredth of a pixel.
    package mutating func appendInterpolation(_ number: Double) { source += "\((number * 100).rounded() / 100)" }
    package mutating func appendInterpolation(_ text: String) {
      for character in text.unicodeScalars {
        switch character {
        case "&": source += "&amp;"
        case "<": source += "&lt;"
        case ">": source += "&gt;"
        case "\"": source += "&quot;"
        case "'": source += "&#39;"
        // Characters that no document may hold.
        case "\0"..."\u{8}", "\u{B}", "\u{C}", "\u{E}"..."\u{1F}": source += "\u{FFFD}"
        default: source.unicodeScalars.append(character)
        }
      }
    }
  }
}

extension Html {
  /// Tables of as many columns stand on telephones as blocks; of so many, where the last is text.
  private static var mostUnstacked: Int { 6 }
  private static var mostWordy: Int { 4 }

  /// A table with a caption; the first column heads its rows, the others are numbers.
  /// - Parameter isWordy: the last column is text, of several lines where it must.
  package static func table(_ caption: String, _ heads: [String], _ rows: [[String]], isWordy: Bool = false) -> Html {
    let head = heads.map { "<th scope=\"col\">\($0)</th>" as Html }
    // On a telephone a row of many cells is a block of its own, in which each says its column's name.
    let isStacked = heads.count >= (isWordy ? mostWordy : mostUnstacked)
    let words = [isWordy ? "wordy" : nil, isStacked ? "stack" : nil]
    let classes = words.compactMap { $0 }.joined(separator: " ")
    let body = rows.map { row -> Html in
      let cells = row.enumerated().map { at, cell -> Html in
        if at == 0 { return "<th scope=\"row\">\(cell)</th>" }
        guard isStacked, at < heads.count else { return "<td>\(cell)</td>" }
        // Numbers do not wrap.
        let kind: Html? = cell.count <= 18 ? " class=\"n\"" : nil
        return "<td\(kind) data-l=\"\(heads[at])\">\(cell)</td>"
      }
      return "<tr>\(cells)</tr>\n"
    }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="\(caption)"><table\(classes.isEmpty ? nil : " class=\"\(classes)\"" as Html)><caption>\(caption)</caption>
      <thead><tr>\(head)</tr></thead><tbody>
      \(body)</tbody></table></div>
      """
  }
}
