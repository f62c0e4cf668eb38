import DitherRobustness
import Foundation

/// Accuracy under every condition, and by its strength.
extension Page {
  var overview: Html? {
    // The strongest of a corruption's severities: the others have a table of their own.
    let shown = report.probes.filter { ![.calibration, .measurement].contains($0.kind) && ($0.severity ?? 5) == 5 }
    let groups = shown.map { probe in
      Chart.Bars(
        title: probe.title,
        values: roles.compactMap { role in probe.measured(role).map { (role, $0.value, $0.interval) } })
    }
    let chart = Chart.bars(groups, description: "Accuracy under every condition, with 95 % intervals")
    let present = roles.filter { role in groups.contains { $0.values.contains { $0.role == role } } }
    let rows = groups.map { group in
      [group.title]
        + present.map { role in
          group.values.first { $0.role == role }
            .map { "\(Written.percent($0.value)) (\(Written.interval($0.interval)))" } ?? "–"
        }
    }
    let names = comparisons.map { "\($0.role.title.capitalizedFirst): \($0.comparison.otherName)." }
    let note = (["Lines across the bars: 95 % intervals."] + names).joined(separator: " ")
    let heads = ["Condition"] + present.map(\.title)
    return """
      \(Html.figure(
        report.incomplete == nil ? "Share of all \(report.n) examples answered right" : "Share of examples answered right", note: note, chart: chart,
        legend: present.map(\.key), table: .table("Accuracy by condition", heads, rows)))
      """
  }

  var strengths: Html? {
    let figures = attackCurves
    return figures.isEmpty ? nil : "<div class=\"charts\">\(figures)</div>"
  }

  /// Probes that differ in strength alone, as one curve each; certificates have curves of their own.
  private var attackCurves: [Html] { curves(report.probes.filter { ![.corruption, .certificate].contains($0.kind) }) }

  var corruptionCurves: [Html] { curves(report.probes.filter { $0.kind == .corruption }) }

  private func curves(_ probes: [ProbeReport]) -> [Html] {
    let points = probes.compactMap { probe in probe.strength.map { (strength: $0, probe: probe) } }
    var order: [String] = []
    for point in points where !order.contains(point.strength.curve) { order.append(point.strength.curve) }
    return order.compactMap { key in
      let group = points.filter { $0.strength.curve == key && $0.strength.value > 0 }
        .sorted { $0.strength.value < $1.strength.value }
      guard let first = group.first, group.count > 1 else { return nil }
      let (title, axis) = (first.strength.title, first.strength.axis)
      let series = roles.map { role -> Chart.Series in
        let start = first.probe.measured(role, clean: true)
          .map { Chart.Series.Point(x: 0, label: "0", value: $0.value, interval: $0.interval) }
        return Chart.Series(
          role: role,
          points: [start].compactMap { $0 }
            + group.compactMap { point in
              point.probe.measured(role).map {
                Chart.Series.Point(
                  x: point.strength.value, label: point.strength.label, value: $0.value, interval: $0.interval)
              }
            })
      }.filter { !$0.points.isEmpty }
      var seen = Set<Double>()
      let places = series.flatMap(\.points).filter { seen.insert($0.x).inserted }.sorted { $0.x < $1.x }
      let rows = places.map { place in
        [place.label]
          + series.map { one in
            one.points.first { $0.x == place.x }
              .map { "\(Written.percent($0.value)) (\(Written.interval($0.interval)))" } ?? "–"
          }
      }
      return Html.figure(
        title, chart: Chart.lines(series, xTitle: axis, description: "\(title): accuracy by \(axis)"),
        legend: series.map(\.role.key),
        table: .table("\(title): accuracy", [axis] + series.map(\.role.title), rows))
    }
  }
}
