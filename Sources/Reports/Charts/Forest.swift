import DitherRobustness
import Foundation

/// Differences with their intervals as one table, a row each, drawn beside the numbers on one scale: a forest plot.
/// Source: Lewis and Clarke 2001, BMJ 322, 1479.
struct Forest {
  struct Row {
    var name: String
    /// A few words below the name; may be empty.
    var note = ""
    var difference: Double
    var interval: Interval?
    /// More is worse, as of an error; nil: neither side is better.
    var isLowerBetter: Bool? = false
    /// In the order of the heads behind the plot.
    var cells: [String] = []
    /// Numbers as the reader sees them; nil: in points of a hundredth.
    var written: ((Double) -> String)?
  }

  var caption: String
  /// Heads of the first column, of the difference and of what stands behind the plot.
  var first: String, difference: String, heads: [String]
  var rows: [Row]

  private static let width = 220.0, height = 22.0

  var html: Html {
    let ends = rows.flatMap { [$0.difference, $0.interval?.low, $0.interval?.high].compactMap { $0 } }.map(abs)
    let most = max(ends.filter(\.isFinite).max() ?? 0, 1e-9)
    let body = rows.map { row -> Html in
      let written = row.written ?? Written.points
      let cells = zip(heads, row.cells).map { "<td class=\"n\" data-l=\"\($0)\">\($1)</td>" as Html }
      let note: Html? = row.note.isEmpty ? nil : "<small>\(row.note)</small>"
      let range = row.interval.map { "\(written($0.low)) to \(written($0.high))" } ?? "–"
      return """
        <tr><th scope="row">\(row.name)\(note)</th><td class="n" data-l="\(difference)">\(written(row.difference))</td>\
        <td class="n" data-l="95 %">\(range)</td><td class="plot">\(drawing(row, most))</td>\(cells)</tr>

        """
    }
    let titles = heads.map { "<th scope=\"col\">\($0)</th>" as Html }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="\(caption)"><table class="forest stack">
      <caption>\(caption)</caption><thead><tr><th scope="col">\(first)</th><th scope="col">\(difference)</th>\
      <th scope="col">95 %</th><th scope="col" class="plot">worse ← 0 → better</th>\(titles)</tr></thead><tbody>
      \(body)</tbody></table></div>
      """
  }

  private func drawing(_ row: Row, _ most: Double) -> Html {
    // Better is always to the right.
    let sign = row.isLowerBetter == true ? -1.0 : 1
    func x(_ value: Double) -> Double {
      Self.width / 2 + min(max(sign * value / most, -1), 1) * (Self.width / 2 - 8)
    }
    let written = row.written ?? Written.points, middle = Self.height / 2, interval = row.interval
    let isApart = interval.map { $0.low > 0 || $0.high < 0 } ?? false
    let side = !isApart || row.isLowerBetter == nil ? "f-none" : sign * row.difference > 0 ? "f-better" : "f-worse"
    let line: Html? = interval.map {
      let ends = [x($0.low), x($0.high)].sorted()
      return """
        <line class="whisker" x1="\(ends[0])" x2="\(ends[1])" y1="\(middle)" y2="\(middle)"/>
        """
    }
    return """
      <svg viewBox="0 0 \(Self.width) \(Self.height)" role="img" aria-label="\(row.name): \(written(row.difference))">\
      <line class="grid" x1="\(Self.width / 2)" x2="\(Self.width / 2)" y1="0" y2="\(Self.height)"/>\
      <g class="\(side)">\(line)<rect x="\(x(row.difference) - 4)" y="\(middle - 4)" width="8" height="8"/></g></svg>
      """
  }
}
