import DitherRobustness
import Foundation

/// Reliability diagrams with their errors.
extension Page {
  var calibration: Html? {
    guard let probe = report.probes.first(where: { $0.calibration != nil }) else { return nil }
    let figures = roles.compactMap { role -> Html? in
      guard let found = probe.calibration(role) else { return nil }
      let rows = found.bins.filter { $0.count > 0 }.map { bin in
        [
          "\(Written.points(bin.lower)) to \(Written.percent(bin.upper))", "\(bin.count)",
          bin.meanProbability.map(Written.percent) ?? "", bin.accuracy.map(Written.percent) ?? "",
        ]
      }
      return Html.figure(
        role.title.capitalizedFirst,
        note:
          "ECE \(Written.decimal(found.ece15)) (\(Self.range(found.ece15Interval))), by equal mass "
          + "\(Written.decimal(found.adaptiveEce15)) (\(Self.range(found.adaptiveEce15Interval))), NLL "
          + "\(Written.decimal(found.nll)) (\(Self.range(found.nllInterval))), Brier \(Written.decimal(found.brier)) "
          + "(\(Self.range(found.brierInterval))). "
          + "On the dashed line a model is as often right as it says.",
        chart: Chart.reliability(found, role: role, description: "Reliability diagram of \(role.title)"),
        legend: [role.key],
        table: .table("Reliability of \(role.title)", ["Largest probability", "Examples", "Mean", "Right"], rows))
    }
    return "<div class=\"charts\">\(figures)</div>"
  }

  private static func range(_ interval: Interval) -> String {
    "\(Written.decimal(interval.low)) to \(Written.decimal(interval.high))"
  }
}
