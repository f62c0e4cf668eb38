import DitherRobustness
import Foundation

/// Certified accuracy against the radius: a chart with its table for each way of certifying. Probes that differ in
/// epsilon alone are points of one curve.
struct CertificateFigures {
  private let probes: [ProbeReport]
  private let roles: [Chart.Series.Role]

  init(_ probes: [ProbeReport], _ roles: [Chart.Series.Role]) {
    self.probes = probes.filter { $0.certified != nil }
    self.roles = roles
  }

  var all: [Html] {
    var order: [String] = [], groups: [String: [ProbeReport]] = [:]
    for probe in probes {
      let key = Self.key(probe)
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(probe)
    }
    return order.compactMap { groups[$0].flatMap(figure) }
  }

  private static func key(_ probe: ProbeReport) -> String {
    probe.strength?.curve ?? "\(probe.probe) \(probe.written)"
  }

  private func figure(_ group: [ProbeReport]) -> Html? {
    guard let first = group.first, let certified = first.certified else { return nil }
    let series = roles.map { Chart.Series(role: $0, points: points(group, $0)) }.filter { !$0.points.isEmpty }
    let axis = "\(certified.norm.title) radius, in units of the input"
    let title = group.count > 1 ? first.strength?.title ?? first.title : first.title
    let labels = series.max { $0.points.count < $1.points.count }?.points.map(\.label) ?? []
    let rows = labels.map { label in
      [label]
        + series.map { one in
          one.points.first { $0.label == label }
            .map { "\(Written.percent($0.value)) (\(Written.interval($0.interval)))" } ?? ""
        }
    }
    return Html.figure(
      title, note: note(first, certified),
      chart: Chart.lines(series, xTitle: axis, description: "\(title): certified accuracy by radius"),
      legend: series.map(\.role.key),
      table: .table("\(title): certified accuracy", [axis] + series.map(\.role.title), rows))
  }

  private func points(_ group: [ProbeReport], _ role: Chart.Series.Role) -> [Chart.Series.Point] {
    var seen = Set<Double>()
    return group.compactMap { $0.certified(role) }.flatMap(\.curve).filter { seen.insert($0.radius).inserted }
      .sorted { $0.radius < $1.radius }
      .map { point in
        Chart.Series.Point(
          x: point.radius, label: ParameterValue.written(Double(String(format: "%.4g", point.radius)) ?? point.radius),
          value: point.accuracy, interval: point.interval)
      }
  }

  private func note(_ probe: ProbeReport, _ certified: Certified) -> String {
    guard let alpha = certified.certificates.map(\.alpha).max(), alpha > 0 else {
      return
        "Certain: every input within the radius is answered rightly. What is not certified may or may not be breakable."
    }
    let draws = certified.certificates.map(\.n), least = draws.min() ?? 0, most = draws.max() ?? 0
    let n = least == most ? "\(most)" : "\(least) to \(most)"
    return
      "The smoothed classifier, not the model by itself: n = \(n) noisy copies an example, each certificate wrong with "
      + "probability at most α = \(ParameterValue.written(alpha)). Average certified radius \(Written.decimal(certified.acr)); "
      + "no answer for \(Written.percent(certified.abstain)) (\(Written.interval(certified.abstainInterval)))."
  }
}

extension ProbeReport {
  fileprivate func certified(_ role: Chart.Series.Role) -> Certified? {
    role == .model ? certified : other(role)?.certified
  }
}
