import Foundation

/// A number for each pair of two keys' values, as a table of shaded fields.
public struct HeatMap: Sendable {
  public var title: String
  /// Names of the two keys, across and down.
  public var x: String, y: String
  /// The values of each, in their order.
  public var columns: [String], rows: [String]
  /// By row, then column; nil: there is none.
  public var values: [[Double?]]
  /// Whether less is better: the best is the darkest.
  public var isLower: Bool

  public init(
    title: String, x: String, y: String, columns: [String], rows: [String], values: [[Double?]], isLower: Bool
  ) {
    (self.title, self.x, self.y) = (title, x, y)
    (self.columns, self.rows, self.values, self.isLower) = (columns, rows, values, isLower)
  }

  private static let cell = (width: 74.0, height: 34.0), left = 90.0, top = 40.0

  /// nil: there are no two numbers to compare.
  var html: Html? {
    let all = values.flatMap { $0 }.compactMap { $0 }.filter(\.isFinite)
    guard let low = all.min(), let high = all.max(), low < high, rows.count == values.count else { return nil }
    let width = Self.left + Self.cell.width * Double(columns.count) + 10
    let height = Self.top + Self.cell.height * Double(rows.count) + 30
    func px(_ column: Int) -> Double { Self.left + Self.cell.width * Double(column) }
    func py(_ row: Int) -> Double { Self.top + Self.cell.height * Double(row) }
    let heads = columns.enumerated().map { at, label -> Html in
      """
      <text class="tick" x="\(px(at) + Self.cell.width / 2)" y="\(Self.top - 8)" text-anchor="middle">\(label)</text>
      """
    }
    let sides = rows.enumerated().map { at, label -> Html in
      """
      <text class="tick" x="\(Self.left - 8)" y="\(py(at) + Self.cell.height / 2 + 4)" text-anchor="end">\(label)</text>
      """
    }
    let fields = rows.indices.flatMap { row in
      columns.indices.compactMap { column -> Html? in
        guard values[row].indices.contains(column), let value = values[row][column], value.isFinite else { return nil }
        let share = isLower ? (high - value) / (high - low) : (value - low) / (high - low)
        let text = String(format: "%.4g", value)
        return """
          <g class="c0"><title>\(y) \(rows[row]), \(x) \(columns[column]): \(text)</title>\
          <rect x="\(px(column) + 1)" y="\(py(row) + 1)" width="\(Self.cell.width - 2)" height="\(Self.cell.height - 2)" \
          style="opacity:\(0.08 + 0.5 * share)"/>\
          <text class="value" x="\(px(column) + Self.cell.width / 2)" y="\(py(row) + Self.cell.height / 2 + 4)" \
          text-anchor="middle">\(text)</text></g>

          """
      }
    }
    return """
      <figure class="card"><figcaption><h3>\(title)</h3><p>The darkest is the best.</p></figcaption>
      <svg viewBox="0 0 \(width) \(height)" role="img" aria-label="\(title), by \(x) and \(y)">
      <text class="axis" x="\(Self.left + (width - Self.left) / 2)" y="14" text-anchor="middle">\(x)</text>\
      <text class="axis" x="4" y="\(Self.top - 8)">\(y)</text>
      \(heads)\(sides)\(fields)</svg></figure>

      """
  }
}
