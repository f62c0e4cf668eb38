import DitherBasics
import DitherReports
import DitherRobustness
import Foundation

/// A sweep's table, as far as a page shows it: `NAME.json`.
struct ShownSweep {
  private struct Table: Decodable {
    struct Row: Decodable {
      var settings: [String: Setting]
      var epochs: Int
      var seeds: Int
      var mean: Double?
      var halfWidth: Double?
      var measures: [String: Double]
    }
    var name: String
    var chosenBy: String
    /// Best first.
    var rows: [Row]
    var trials: Int
  }
  private let table: Table

  private static let mostBytes = 8 << 20
  /// Keys with charts, values of a key with points, and rows of the list.
  private static let mostKeys = 3, mostPoints = 20, mostRows = 60

  /// - Parameters:
  ///   - path: the table's, with its ending.
  ///   - most: bytes.
  /// - Returns: nil where it is another file, or longer.
  init?(_ path: String, most: Int = mostBytes) {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard let bytes = BoundedFile.read(path, most: most),
      let table = try? decoder.decode(Table.self, from: Data(bytes))
    else { return nil }
    self.table = table
  }

  var title: String { table.name.clipped(to: 64) }

  /// How much there is, in a few words.
  var standing: String {
    let best =
      table.rows.first.flatMap(\.mean).map { ", best \(table.chosenBy.clipped(to: 32)) \(Self.number($0))" } ?? ""
    return "\(table.rows.count) points, \(table.trials) results\(best)"
  }

  /// For each key that is a number what the points came to over it, with their accuracies; below them the points.
  func page(links: [PageLink]) -> String {
    let keys = Set(table.rows.flatMap(\.settings.keys)).sorted()
    var page = CurvesPage(
      eyebrow: "Sweep", title: title,
      lead: "\(standing). The best of many points is chosen by its luck too: with new seeds it will come to less.",
      series: keys.filter(isNumber).prefix(Self.mostKeys).flatMap(series),
      facts: [
        ("chosen by", "\(table.chosenBy.clipped(to: 32)), on the validation part"), ("points", "\(table.rows.count)"),
        ("results", "\(table.trials)"),
      ], source: ("Points, best first", rows(keys)))
    page.links = links
    return page.html()
  }

  private func isNumber(_ key: String) -> Bool {
    let values = Set(table.rows.compactMap { $0.settings[key]?.asNumber })
    return values.count > 1 && table.rows.allSatisfy { $0.settings[key]?.asNumber != nil }
  }

  /// At each value of a key its best point: the measure that is chosen by with its interval, and the accuracies with
  /// and without the model's noise where they were measured.
  private func series(_ key: String) -> [Summary.Series] {
    var best: [Double: Table.Row] = [:]
    // The first of a value is its best.
    for row in table.rows where row.mean != nil {
      if let value = row.settings[key]?.asNumber, best[value] == nil { best[value] = row }
    }
    let sorted = Array(best.sorted { $0.key < $1.key }.prefix(Self.mostPoints)), name = key.clipped(to: 60)
    let chosen = table.chosenBy.clipped(to: 32)
    func curve(_ chart: String, _ title: String, _ y: String, _ value: (Table.Row) -> Double?) -> Summary.Series {
      Summary.Series(
        chart: "\(chart) by \(name)", name: title, x: name, y: y,
        points: sorted.compactMap { x, row in value(row).map { Summary.Point(x, $0) } })
    }
    func end(_ sign: Double) -> (Table.Row) -> Double? {
      { row in row.mean.flatMap { mean in row.halfWidth.map { mean + sign * $0 } } }
    }
    return [
      curve(chosen, "mean over seeds", chosen) { $0.mean }, curve(chosen, "95 %, low", chosen, end(-1)),
      curve(chosen, "95 %, high", chosen, end(1)),
      curve("accuracy", "without noise", "accuracy") { $0.measures["accuracy"] },
      curve("accuracy", "with the model's noise", "accuracy") { $0.measures["noisy_accuracy"] },
    ]
  }

  private func rows(_ keys: [String]) -> String {
    let lines = table.rows.prefix(Self.mostRows).map { row in
      let mean = row.mean.map(Self.number) ?? "diverged", half = row.halfWidth.map { " ± " + Self.number($0) } ?? ""
      let settings = keys.map { "\($0)=\(row.settings[$0] ?? .none)".clipped(to: 80) }
      return "\(mean)\(half)  \(row.epochs) epochs, \(row.seeds) seeds  \(settings.joined(separator: ", "))"
    }
    let more = table.rows.count - lines.count
    return (lines + (more > 0 ? ["… and \(more) more"] : [])).joined(separator: "\n")
  }

  private static func number(_ value: Double) -> String { String(format: "%.4g", value) }
}
