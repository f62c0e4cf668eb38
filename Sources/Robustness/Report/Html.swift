/// Markup that is safe by construction: text that is interpolated is escaped, markup is not.
struct Html: ExpressibleByStringInterpolation, Sendable {
  private(set) var source: String

  init(stringLiteral value: String) { source = value }
  init(stringInterpolation: Interpolation) { source = stringInterpolation.source }
  init(joining parts: [Html], by separator: String = "") {
    source = parts.map(\.source).joined(separator: separator)
  }

  struct Interpolation: StringInterpolationProtocol {
    fileprivate var source = ""
    init(literalCapacity: Int, interpolationCount: Int) { source.reserveCapacity(literalCapacity * 2) }
    mutating func appendLiteral(_ literal: String) { source += literal }
    mutating func appendInterpolation(_ markup: Html) { source += markup.source }
    mutating func appendInterpolation(_ markup: Html?) { source += markup?.source ?? "" }
    mutating func appendInterpolation(_ markup: [Html]) { for part in markup { source += part.source } }
    mutating func appendInterpolation(_ number: Int) { source += "\(number)" }
    /// A coordinate: to a hundredth of a pixel.
    mutating func appendInterpolation(_ number: Double) { source += "\((number * 100).rounded() / 100)" }
    mutating func appendInterpolation(_ text: String) {
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
  /// A table with a caption; the first column heads its rows, the others are numbers.
  /// - Parameter isWordy: the last column is text, of several lines where it must.
  static func table(_ caption: String, _ heads: [String], _ rows: [[String]], isWordy: Bool = false) -> Html {
    let head = heads.map { "<th scope=\"col\">\($0)</th>" as Html }
    let body = rows.map { row -> Html in
      let cells = row.enumerated().map { at, cell -> Html in
        at == 0 ? "<th scope=\"row\">\(cell)</th>" : "<td>\(cell)</td>"
      }
      return "<tr>\(cells)</tr>\n"
    }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="\(caption)"><table\(isWordy ? " class=\"wordy\"" as Html : nil)><caption>\(caption)</caption>
      <thead><tr>\(head)</tr></thead><tbody>
      \(body)</tbody></table></div>
      """
  }

  /// A chart with its numbers as a table behind a summary that opens without a script.
  static func figure(_ title: String, note: String = "", chart: Html, legend: [Chart.Key], table: Html) -> Html {
    let keys = legend.count < 2 ? [] : legend.map { "<li class=\"\($0.cssClass)\"><i></i>\($0.name)</li>" as Html }
    return """
      <figure class="card"><figcaption><h3>\(title)</h3>\(note.isEmpty ? nil : "<p>\(note)</p>" as Html)\
      \(keys.isEmpty ? nil : "<ul class=\"legend\">\(keys)</ul>" as Html)</figcaption>
      \(chart)
      <details><summary>Numbers</summary>\(table)</details></figure>

      """
  }
}
