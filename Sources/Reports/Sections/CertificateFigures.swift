import DitherRobustness
import Foundation

/// Certified accuracy against the radius: a chart with its table for each way of certifying. Probes that differ in
/// epsilon alone are points of one curve.
struct CertificateFigures {
  private let probes: [ProbeReport]
  private let roles: [Chart.Series.Role]
  private let threats: [ThreatReport]

  /// - Parameter threats: what attacks leave, to stand beside what is certified.
  init(_ probes: [ProbeReport], _ roles: [Chart.Series.Role], under threats: [ThreatReport]) {
    self.threats = threats
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
    let attacked = Chart.Series(role: .attacked, points: attacked(first, certified.norm))
    let own = roles.map { Chart.Series(role: $0, points: points(group, $0)) }
    let series = (own + [attacked]).filter { !$0.points.isEmpty }
    let axis = "\(certified.norm.title) radius, in units of the input"
    let title = group.count > 1 ? first.strength?.title ?? first.title : first.title
    var seen = Set<Double>()
    let labels = series.flatMap(\.points).filter { seen.insert($0.x).inserted }.sorted { $0.x < $1.x }.map(\.label)
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
    let found = group.compactMap { $0.certified(role) }
    // The curve goes on as far as anything is certified.
    let curve = found.flatMap(\.curve) + found.compactMap(\.end)
    return curve.filter { seen.insert($0.radius).inserted }
      .sorted { $0.radius < $1.radius }
      .map { point in
        Chart.Series.Point(
          x: point.radius, label: ParameterValue.written(Double(String(format: "%.4g", point.radius)) ?? point.radius),
          value: point.accuracy, interval: point.interval)
      }
  }

  /// Accuracy under all attacks in balls of the same norm, from that without an attack on.
  private func attacked(_ probe: ProbeReport, _ norm: Norm) -> [Chart.Series.Point] {
    let found = threats.filter { $0.threat.norm == norm }
    guard !found.isEmpty else { return [] }
    let clean = Chart.Series.Point(x: 0, label: "0", value: probe.cleanAccuracy, interval: probe.cleanInterval)
    return [clean]
      + found.map { threat in
        Chart.Series.Point(
          x: threat.threat.epsilon, label: ParameterValue.written(threat.threat.epsilon), value: threat.robustAccuracy,
          interval: threat.interval)
      }
  }

  private func note(_ probe: ProbeReport, _ certified: Certified) -> String {
    guard let alpha = certified.certificates.map(\.alpha).max(), alpha > 0 else {
      return
        "Certain: every input within the radius is answered rightly. What is not certified may or may not be breakable"
        + (threats.contains { $0.threat.norm == certified.norm }
          ? "; what attacks on the model leave is an upper bound of what it withstands." : ".")
    }
    let draws = certified.certificates.map(\.n), least = draws.min() ?? 0, most = draws.max() ?? 0
    let n = least == most ? "\(most)" : "\(least) to \(most)"
    return
      "The smoothed classifier, not the model by itself: n = \(n) noisy copies an example, each certificate wrong with "
      + "probability at most α = \(ParameterValue.written(alpha)). Average certified radius \(Written.decimal(certified.acr)); "
      + "no answer for \(Written.percent(certified.abstain)) (\(Written.interval(certified.abstainInterval)))."
      + (threats.contains { $0.threat.norm == certified.norm }
        ? " The attacks were on the model by itself, which is another classifier: what they leave bounds nothing here."
        : "")
  }
}

extension Certified {
  /// The largest radius that an example is certified for, with how many are; nil where that is on the curve.
  fileprivate var end: Point? {
    guard let most = certificates.filter({ $0.holds(at: 0) }).map(\.radius).max(), most.isFinite,
      most > curve.last?.radius ?? .infinity
    else { return nil }
    let share = Proportion(certificates.map { $0.holds(at: most) })
    return Point(most, share)
  }
}

extension ProbeReport {
  fileprivate func certified(_ role: Chart.Series.Role) -> Certified? {
    role == .model ? certified : other(role)?.certified
  }
}
