import DitherRobustness

/// A regression's errors under every condition.
extension Page {
  /// Nothing of a classifier.
  var errors: Html? {
    guard report.isRegression else { return nil }
    let names = [
      ("rmse", report.rmseTitle), ("mae", "MAE"), ("nll", "NLL"), ("crps", "CRPS"), ("picp", "In its 95 % intervals"),
      ("interval_width", "Width of these"),
    ]
    let probes = report.probes.filter { $0.measure("rmse") != nil }
    let used = names.filter { name, _ in probes.contains { $0.measure(name) != nil } }
    guard !probes.isEmpty else { return nil }
    let rows = probes.map { probe in
      [probe.title]
        + used.map { name, _ in
          guard let found = probe.measure(name) else { return "–" }
          // A share.
          if name == "picp" {
            return Written.percent(found.value) + (found.interval.map { " (\(Written.interval($0)))" } ?? "")
          }
          return Self.written(found)
        }
    }
    let unit: Html =
      report.isPooled
      ? "Errors over all values together, whatever their units, and below of each value; 95 % intervals over the examples."
      : "Errors in the unit of the values, with 95 % intervals over the examples."
    return """
      <section class="card"><p class="muted">\(unit) \
      An attack raises them as far as it can; what it leaves within the tolerance is the accuracy.</p>
      \(Html.table("Errors by condition", ["Condition"] + used.map(\.1), rows))\(errorsByValue(probes))</section>

      """
  }

  /// Each of several values in its own unit.
  private func errorsByValue(_ probes: [ProbeReport]) -> Html? {
    let values = probes.map { report.byValue("rmse", in: $0.summary) }.max { $0.count < $1.count } ?? []
    guard !values.isEmpty else { return nil }
    let tables = [("rmse", "RMSE"), ("mae", "MAE"), ("crps", "CRPS")].map { measure, title -> Html in
      let rows = probes.map { probe in
        let own = report.byValue(measure, in: probe.summary)
        return [probe.title]
          + values.map { value in own.first { $0.value == value.value }.map { Self.written($0.measure) } ?? "–" }
      }
      return Html.table("\(title) of each value, in its own unit", ["Condition"] + values.map(\.name), rows)
    }
    return "\(tables)"
  }

  private static func written(_ measure: Summary.Measure) -> String {
    measure.range.isEmpty ? measure.figure : "\(measure.figure) (\(measure.range))"
  }
}
