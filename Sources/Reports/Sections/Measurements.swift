import DitherRobustness
import Foundation

/// The sections about what is measured beside accuracy.
extension Page {
  /// Minimal perturbations, as accuracy against their length.
  var distances: Html? {
    let found = report.probes.filter { $0.accuracyAgainstEpsilon?.isEmpty == false }
    guard !found.isEmpty else { return nil }
    var order: [Norm] = []
    for norm in found.compactMap(\.threat?.norm) where !order.contains(norm) { order.append(norm) }
    let plots = order.map { norm in
      let group = found.filter { $0.threat?.norm == norm }
      return Plot(
        title: "Minimal perturbations, \(norm.title)",
        x: "epsilon, in units of the input", y: "accuracy",
        curves: group.map { probe in
          let points = (probe.accuracyAgainstEpsilon ?? []).map { Summary.Point($0.epsilon, $0.accuracy, $0.interval) }
          return Plot.Curve(name: probe.probe, role: .model, points: points)
        }
      ).html
    }
    let rows = found.map { probe in
      [
        probe.title, probe.medianDistance.map { Self.number($0) } ?? "beyond all that was found",
        "\((probe.distances ?? []).count { $0 == nil })",
      ]
    }
    return """
      <p class="muted">Attacks that look for the nearest input on which the model fails.</p>
      <div class="charts">\(plots)</div><section class="card">\(Html.table("Lengths of the minimal perturbations", ["Attack", "Median", "None found for"], rows))</section>

      """
  }

  /// Inputs made for one model, tried on the other.
  var transfer: Html? {
    let others = roles.filter { role in report.probes.contains { $0.other(role)?.transferFromModel != nil } }
    guard !others.isEmpty else { return nil }
    let found = report.probes.filter { probe in others.contains { probe.other($0)?.transferFromModel != nil } }
    func share(_ transfer: ProbeReport.Share?) -> String {
      transfer.map { "\(Written.percent($0.accuracy)) (\(Written.interval($0.interval)))" } ?? "–"
    }
    let tables = others.map { role -> Html in
      let other = role.title.capitalizedFirst
      let rows = found.map { probe in
        [
          probe.title, Written.percent(probe.robustAccuracy), share(probe.other(role)?.transferFromModel),
          share(probe.other(role)?.transferToModel),
          probe.other(role).map { Written.percent($0.robustAccuracy) } ?? "–",
        ]
      }
      let heads = [
        "Attack", "This model, on its own", "\(other), on this model's", "This model, on those of \(role.title)",
        "\(other), on its own",
      ]
      return Html.table("Accuracy on inputs made for one model, of it and of \(role.title)", heads, rows)
    }
    return """
      <section class="card"><p class="muted">Accuracy on inputs that were made for one of two models.</p>
      \(tables)</section>

      """
  }

  /// Accuracy by corruption and severity: a heat map in a table, with the mean over what was asked.
  var corruptions: Html? {
    guard let table = report.corruptions else { return nil }
    guard table.rows.count > 1 else { return nil }
    func cell(_ value: Double?) -> Html {
      guard let value else { return "<td>–</td>" }
      // From red over yellow to green; the style sheet knows how light that may be.
      return "<td style=\"--h:\(Html.hue(value))\">\(Written.points(value))</td>"
    }
    let heads = (1...5).map { "<th scope=\"col\">\($0)</th>" as Html }
    let others = roles.filter { role in
      guard role != .noiseOff else { return false }
      return table.rows.contains { meanAccuracy($0.corruption, role) != nil }
    }
    let body = table.rows.map { row -> Html in
      let changes = others.map { role -> Html in
        "<td>\(meanAccuracy(row.corruption, role).map { String(format: "%+.1f", (row.mean - $0) * 100) } ?? "–")</td>"
      }
      return """
        <tr><th scope="row">\(row.corruption.replacingOccurrences(of: "_", with: " "))</th>\(row.accuracies.map(cell))\
        \(cell(row.mean))\(changes)</tr>

        """
    }
    let againstHeads = others.map { "<th scope=\"col\">Against \($0.title)</th>" as Html }
    let mean = table.protocolMean.map { mean -> Html in
      """
      <p>Mean accuracy over the protocol's \(table.protocolCorruptions) corruptions × 5 severities: \
      <strong>\(Written.percent(mean))</strong>\(relativeErrors(table)).</p>
      """
    }
    return """
      <section class="card"><p class="muted">\(table.title). Accuracy in %, by severity.</p>\(mean)
      <div class="scroll" tabindex="0" role="region" aria-label="Accuracy by corruption and severity"><table class="heat">
      <caption>Accuracy by corruption and severity</caption><thead><tr><th scope="col">Corruption</th>\(heads)\
      <th scope="col">Mean</th>\(againstHeads)</tr></thead><tbody>
      \(body)</tbody></table></div></section>

      """
  }

  /// The mean error as a share of the other models'.
  private func relativeErrors(_ table: CorruptionTable) -> String {
    zip(comparisons, table.relativeErrors ?? []).compactMap { other, error in
      error.map { ", \(Written.percent($0)) of the error of \(other.role.title)" }
    }.joined()
  }

  /// Behind the table, where there is one.
  var corruptionFigures: Html? {
    let curves = corruptionCurves
    return curves.isEmpty ? nil : "<div class=\"charts\">\(curves)</div>"
  }

  /// Another model's, over the severities of a corruption.
  private func meanAccuracy(_ corruption: String, _ role: Chart.Series.Role) -> Double? {
    let found = report.probes.filter { $0.probe == corruption && $0.severity != nil }
      .compactMap { $0.other(role)?.robustAccuracy }
    return found.isEmpty ? nil : found.reduce(0, +) / Double(found.count)
  }

  /// One section for each probe that left a summary, but for those that have one of their own.
  var measurements: [PageSections.Section] {
    // A regression's errors are in a table of their own.
    let measured = report.probes.filter {
      $0.summary != nil && !$0.isGuarantee && (!report.isRegression || $0.kind == .measurement)
    }
    return measured.enumerated().map { at, probe in
      let summaries = roles.compactMap { role in
        (role == .model ? probe.summary : probe.other(role)?.summary).map { (role, $0) }
      }
      let title = heading(probe, among: measured)
      return .init(
        id: "measured-\(at + 1)", title: title, hint: probe.figures(2), rank: 8,
        body: "<div class=\"charts\">\(charts(summaries))</div>\(measures(summaries, of: title))\n")
    }
  }

  /// The probe's name with the data that it brought and with what tells it from the others of its name.
  private func heading(_ probe: ProbeReport, among all: [ProbeReport]) -> String {
    let alike = all.filter { $0.probe == probe.probe }
    let telling = probe.parameters.sorted { $0.key < $1.key }
      .filter { name, value in name != "data" && alike.contains { $0.parameters[name] != value } }
    let details =
      [probe.parameters["data"]?.description].compactMap { $0 } + telling.map { "\($0.key) = \($0.value)" }
    let name = probe.probe.replacingOccurrences(of: "_", with: " ").capitalizedFirst
    return details.isEmpty ? name : "\(name): \(details.joined(separator: ", "))"
  }

  private func charts(_ summaries: [(role: Chart.Series.Role, summary: Summary)]) -> [Html] {
    var order: [String] = []
    for series in summaries.flatMap(\.summary.series) where !order.contains(series.chart) { order.append(series.chart) }
    return order.map { chart in
      let all = summaries.flatMap { role, summary in
        summary.series.filter { $0.chart == chart }.map { (role: role, series: $0) }
      }
      let curves = all.map { role, series in
        let name = summaries.count < 2 ? series.name : "\(series.name), \(role.title)"
        return Plot.Curve(name: name, role: role, points: series.points, form: series.form)
      }
      var plot = Plot(title: chart, x: all[0].series.x, y: all[0].series.y, curves: curves)
      var seen = Set<Chart.Series.Role>()
      let firsts = all.indices.filter { seen.insert(all[$0].role).inserted }
      // Two curves of one model are there to be compared with each other: the data and what is foreign, before and
      // after.
      let own = all.indices.filter { all[$0].role == .model }
      if curves.count > 6, own.count == 2 {
        plot.drawn = own.map {
          Plot.Curve(name: all[$0].series.name, role: .model, points: curves[$0].points, form: curves[$0].form)
        }
        plot.note = "This model's; the others are in the table of numbers."
        return plot.html
      }
      // More than a reader tells apart: one of each model, which compares them.
      let isThinned = curves.count > 6 && firsts.count > 1 && firsts.count < curves.count
      if isThinned { plot.drawn = firsts.map { curves[$0] } }
      // A name that all have in common is said once.
      let name = all[0].series.name
      if firsts.count > 1, isThinned || firsts.count == curves.count,
        firsts.allSatisfy({ all[$0].series.name == name })
      {
        plot.note = isThinned ? "Of each model one curve, \(name); the others are in the table of numbers." : name
        plot.drawn = firsts.map { Plot.Curve(name: all[$0].role.title, role: all[$0].role, points: curves[$0].points) }
      } else if isThinned {
        plot.note = "Of each model one curve; the others are in the table of numbers."
      }
      return plot.html
    }
  }

  /// - Parameter probe: as its section is called: regions of a page have names of their own.
  private func measures(_ summaries: [(role: Chart.Series.Role, summary: Summary)], of probe: String) -> Html? {
    guard let first = summaries.first?.summary, !first.measures.isEmpty else { return nil }
    let rows = first.measures.map { measure in
      [measure.name]
        + summaries.map { _, summary in
          guard let found = summary.measures.first(where: { $0.name == measure.name }) else { return "–" }
          let range = found.interval.map { " (\(Self.number($0.low)) to \(Self.number($0.high)))" } ?? ""
          return Self.number(found.value) + range
        } + [measure.n.map { "\($0)" } ?? "", measure.meaning]
    }
    let heads = ["Measure"] + summaries.map(\.role.title) + ["n", "Meaning"]
    let caption = "\(probe): measures, with 95 % intervals where they are known"
    return "<section class=\"card\">\(Html.table(caption, heads, rows, isWordy: true))</section>"
  }

  private static func number(_ value: Double) -> String { Written.number(value) }

  /// The curves of attacks: one that still rises at its end has not been tried hard enough.
  var progress: Html? {
    let plots = report.probes.compactMap { probe -> Html? in
      guard let progress = probe.progress else { return nil }
      let points = zip(progress.questions, progress.margins).map { Summary.Point(Double($0), $1) }
      return Plot(
        title: probe.title, x: "queries of each example", y: "margin",
        curves: [Plot.Curve(name: "best margin so far, mean", role: .model, points: points)]
      ).html
    }
    guard !plots.isEmpty else { return nil }
    return """
      <p class="muted">The best margin so far, as a mean over the examples: above 0 the model fails. \
      A curve that is flat at its end was tried for long enough.</p>
      <div class="charts">\(plots)</div>

      """
  }
}

extension String {
  var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
