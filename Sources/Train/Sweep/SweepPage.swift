import DitherBasics
import DitherReports
import DitherRobustness
import Foundation

/// A sweep for a browser: what it is chosen by over each key that is a number, with intervals, and all points.
struct SweepPage {
  private var page: CurvesPage

  init(_ plan: SweepPlan, _ table: SweepTable) {
    let measure = table.chosenBy.rawValue
    var facts: [(name: String, value: String)] = [
      ("recipe", plan.recipe), ("points", "\(plan.points.count)"), ("seeds", "\(plan.seeds)"),
      ("results", "\(table.trials)"), ("chosen by", "\(measure), on the validation part"),
    ]
    if let best = table.best {
      facts.append(("best", plan.settings(of: best.point).joined(separator: ", ")))
      facts.append(("its \(measure)", Self.words(best)))
    }
    page = CurvesPage(
      eyebrow: "Sweep", title: plan.name,
      lead: table.best == nil
        ? "No point has a result of all seeds yet."
        : "The best of \(table.rows.count) points is chosen by its luck too: with new seeds it will come to less.",
      series: plan.axes.indices.flatMap { Self.series($0, plan, table) }, facts: facts,
      source: ("Points, best first", Self.rows(plan, table)))
    page.points = Self.parallel(plan, table)
    page.maps = Self.maps(plan, table)
  }

  /// Points that have a mean, best first, over their keys and what they came to.
  private static func parallel(_ plan: SweepPlan, _ table: SweepTable) -> ParallelCoordinates? {
    let rows = table.rows.filter { $0.mean != nil }, measure = table.chosenBy.rawValue
    guard plan.axes.count > 1 else { return nil }
    let keys = plan.axes.map { axis -> ParallelCoordinates.Axis in
      let settings = rows.map { $0.settings[axis.key] ?? .none }, numbers = settings.map(\.asNumber)
      guard numbers.allSatisfy({ $0 != nil }) else { return .init(axis.key, words: settings.map { "\($0)" }) }
      let isLogarithmic = if case .range(_, true, _) = axis.domain { true } else { false }
      return .init(axis.key, numbers: numbers, isLogarithmic: isLogarithmic)
    }
    return ParallelCoordinates(
      title: "Points over their keys", axes: keys + [.init(measure, numbers: rows.map(\.mean))],
      points: rows.map { "\(plan.settings(of: $0.point).joined(separator: ", ")): \(words($0))" })
  }

  /// For each pair of keys of lists: at each pair of values the best point there.
  private static func maps(_ plan: SweepPlan, _ table: SweepTable) -> [HeatMap] {
    let listed = plan.axes.compactMap { axis -> (key: String, values: [Setting])? in
      guard case .list(let values) = axis.domain, (2...12).contains(values.count) else { return nil }
      return (axis.key, values)
    }
    return listed.indices.flatMap { first in
      listed[(first + 1)...].map { down in
        let across = listed[first], others = plan.axes.count > 2 ? ", best over the other keys" : ""
        return HeatMap(
          title: table.chosenBy.rawValue + others, x: across.key, y: down.key,
          columns: across.values.map { "\($0)" }, rows: down.values.map { "\($0)" },
          values: down.values.map { y in
            across.values.map { x in
              // Rows are in their order: the first is the best.
              table.rows.first { $0.mean != nil && $0.settings[across.key] == x && $0.settings[down.key] == y }?.mean
            }
          }, isLower: !table.chosenBy.isOfRight)
      }
    }
  }

  func html() -> String { page.html() }

  private static func words(_ row: SweepTable.Row) -> String {
    guard let mean = row.mean else { return "–" }
    return String(format: "%.4g", mean) + (row.halfWidth.map { String(format: " ± %.2g", $0) } ?? "")
  }

  /// The points as text, a line each.
  private static func rows(_ plan: SweepPlan, _ table: SweepTable) -> String {
    let keys = plan.axes.map(\.key)
    let head = [table.chosenBy.rawValue + " ± 95 %", "accuracy", "epochs", "seeds"] + keys
    let lines = table.rows.map { row in
      [
        words(row), row.measures["accuracy"].map { String(format: "%.2f %%", 100 * $0) } ?? "–", "\(row.epochs)",
        "\(row.seeds)",
      ] + keys.map { "\(row.settings[$0] ?? .none)" }
    }
    let all = [head] + lines, widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { cells in
      zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  /// At each value of a key the best point there, with its interval; over a logarithm where the key's scale is one.
  private static func series(_ axis: Int, _ plan: SweepPlan, _ table: SweepTable) -> [Summary.Series] {
    let key = plan.axes[axis].key, others = plan.axes.count > 1 ? ", best over the other keys" : ""
    let isLogarithmic = if case .range(_, true, _) = plan.axes[axis].domain { true } else { false }
    var best: [Double: SweepTable.Row] = [:]
    // Rows are in their order: the first of a value is its best.
    for row in table.rows where row.mean != nil {
      if let value = row.settings[key]?.asNumber, best[value] == nil { best[value] = row }
    }
    guard best.count > 1 else { return [] }
    let sorted = best.sorted { $0.key < $1.key }
    func curve(_ name: String, _ shift: Double) -> Summary.Series {
      Summary.Series(
        chart: key, name: name, x: isLogarithmic ? "log₁₀ of \(key)" : key, y: table.chosenBy.rawValue + others,
        points: sorted.compactMap { value, row in
          guard let mean = row.mean, shift == 0 || row.halfWidth != nil else { return nil }
          return Summary.Point(isLogarithmic ? log10(value) : value, mean + shift * (row.halfWidth ?? 0))
        })
    }
    return [curve("mean over seeds", 0), curve("95 %, low", -1), curve("95 %, high", 1)]
  }
}
