import DitherRobustness

/// A regression's errors under every condition.
extension Page {
  /// Nothing of a classifier.
  var errors: Html? {
    guard report.isRegression else { return nil }
    let names = [
      ("rmse", "RMSE"), ("mae", "MAE"), ("nll", "NLL"), ("crps", "CRPS"), ("picp", "In its 95 % intervals"),
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
          return found.range.isEmpty ? found.figure : "\(found.figure) (\(found.range))"
        }
    }
    return """
      <section class="card"><p class="muted">Errors in the unit of the values, with 95 % intervals over the examples. \
      An attack raises them as far as it can; what it leaves within the tolerance is the accuracy.</p>
      \(Html.table("Errors by condition", ["Condition"] + used.map(\.1), rows))</section>

      """
  }
}
