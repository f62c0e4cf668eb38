import DitherRobustness
import Foundation

/// Accuracy against epsilon, for every norm: what withstands all attacks of a ball together, with the other models' and
/// what a guess gives. Single attacks are in the table of numbers.
extension Page {
  var envelopes: Html? {
    var norms: [Norm] = []
    for threat in report.threatModels where !norms.contains(threat.threat.norm) { norms.append(threat.threat.norm) }
    guard !norms.isEmpty else { return nil }
    return "<div class=\"charts\">\(norms.map(envelope))</div>"
  }

  private func envelope(_ norm: Norm) -> Html {
    let threats = report.threatModels.filter { $0.threat.norm == norm }
    let drawn = [Chart.Series.Role.model] + comparisons.map(\.role) + [.noiseOff]
    var curves = drawn.compactMap { role in curve(role, threats) }
    if let chance, let most = threats.last?.threat.epsilon {
      curves.append(
        Plot.Curve(
          name: "chance, 1 in \(chance)", role: .chance,
          points: [0, most].map { Summary.Point($0, 1 / Double(chance)) }))
    }
    let single = attacks.filter { $0.leadsAway && $0.threat?.norm == norm }.map { probe in
      Plot.Curve(
        name: probe.title, role: .attacked,
        points: [Summary.Point(probe.threat?.epsilon ?? 0, probe.robustAccuracy, probe.interval)])
    }
    var plot = Plot(
      title: "\(norm.title): all attacks together", x: "epsilon, in units of the input", y: "accuracy",
      curves: curves + single)
    plot.drawn = curves
    let most = threats.map(\.attacks.count).max() ?? 0
    plot.note = most > 1 ? "Of each ball the union of its attacks, up to \(most); each one is in the numbers." : ""
    return plot.html
  }

  /// nil where a model has no numbers there.
  private func curve(_ role: Chart.Series.Role, _ threats: [ThreatReport]) -> Plot.Curve? {
    let points = threats.compactMap { threat -> Summary.Point? in
      let epsilon = threat.threat.epsilon, share: ProbeReport.Share?
      switch role {
      case .model: return Summary.Point(epsilon, threat.robustAccuracy, threat.interval)
      case .other(let at): share = threat.others.indices.contains(at) ? threat.others[at] : nil
      case .noiseOff: share = threat.noiseOff
      case .singleDraw, .chance, .attacked: share = nil
      }
      return share.map { Summary.Point(epsilon, $0.accuracy, $0.interval) }
    }
    guard !points.isEmpty else { return nil }
    // With its noise off the model has clean answers of its own, which not every report has.
    let start = clean?.measured(role, clean: true).map { Summary.Point(0, $0.value, $0.interval) }
    return Plot.Curve(name: role.title, role: role, points: [start].compactMap { $0 } + points)
  }

  private static let mostClasses = 1_000_000

  /// Classes that a guess chooses among; nil where they are not known.
  private var chance: Int? {
    let largest = report.examples.map { max($0.labels.max() ?? 0, $0.answers.max() ?? 0) } ?? 0
    let known = report.labelNames?.count ?? min(largest, Self.mostClasses) + 1
    return known > 1 ? known : nil
  }
}
