import DitherRobustness
import Foundation

/// The first page: one row for each threat model, what there is beside attacks, what was required, what the numbers do
/// not cover, and what speaks against them.
extension Page {
  var firstPage: Html { "\(threatTable)\(besideAttacks)\(gates)\(omissions)\(findings)" }

  var header: Html {
    var deployed =
      report.samples > 0
      ? "answers with the mean of \(report.samples) draws of its noise"
      : report.members.map { "is an ensemble: it answers with the mean of \($0.count) models" }
        ?? "answers without noise"
    if let temperature = report.temperature { deployed += ", at temperature \(Written.decimal(temperature))" }
    let made = report.stamp.map { stamp in
      " Made on \(stamp.date)\(stamp.auditor.map { " by \($0)" } ?? "")."
    }
    return """
      <header><p class="eyebrow">Robustness audit\(report.battery.map { " · battery \($0)" as Html })</p>
      <h1>\(name)</h1>
      <p class="lead">\(lead)</p>
      <p class="muted">The model \(deployed). Ranges are 95 % intervals.\(made ?? "")</p></header>

      """
  }

  private var lead: String {
    guard let clean else { return "" }
    var start =
      "On \(report.n) examples of \(report.data) it is right on \(Written.percent(clean.cleanAccuracy)) "
      + "(\(Written.interval(clean.cleanInterval)))"
    if let words = report.toleranceWords {
      start += ": \(words)"
      if let rmse = report.errors?["rmse"] { start += ", with an RMSE of \(Written.number(rmse))\(pooledWords)" }
    }
    guard let threat = report.mainThreat else { return start + "." }
    let count = threat.attacks.count, who = count == 1 ? "the one attack" : "the \(count) attacks together"
    let found = "\(Written.percent(threat.robustAccuracy)) (\(Written.interval(threat.interval)))"
    let balls = report.threatModels.count
    let rest = balls > 1 ? " Each of the \(balls) threat models has its row below." : ""
    return endedEarly(threat)
      ? start + "; what \(who) within \(threat.title) found, ended by the time, leaves at most \(found)." + rest
      : start + "; \(who) within \(threat.title) leave\(count == 1 ? "s" : "") \(found)." + rest
  }

  /// Each of several values by its own unit, behind the RMSE over all of them.
  private var pooledWords: String {
    guard report.isPooled else { return "" }
    let own = report.byValue("rmse", in: report.errors)
    let names = own.prefix(4).map { "\($0.name) \($0.measure.figure)" }.joined(separator: ", ")
    return own.isEmpty ? " over all values" : " over all values (\(names)\(own.count > 4 ? ", …" : ""))"
  }

  /// The time ended one of its attacks.
  private func endedEarly(_ threat: ThreatReport) -> Bool {
    report.probes.contains { $0.threat == threat.threat && $0.leadsAway && $0.evidence?[.endedEarly] != nil }
  }

  // MARK: threat models

  private var threatTable: Html {
    let threats = report.threatModels
    guard let clean else { return "" }
    let others = comparisons.map(\.role)
    let hasNoiseOff = threats.contains { $0.noiseOff != nil }
    var heads = ["Threat model", "Accuracy", "95 %"] + others.map { $0.title.capitalizedFirst }
    var asTheyAre = others.map { clean.measured($0, clean: true).map { Written.percent($0.value) } ?? "–" }
    if hasNoiseOff { heads.append("Noise off") }
    if hasNoiseOff { asTheyAre.append(clean.measured(.noiseOff, clean: true).map { Written.percent($0.value) } ?? "–") }
    if report.isRegression {
      heads.append(report.rmseTitle)
      asTheyAre.append(report.errors?["rmse"].map(Written.number) ?? "–")
    }
    if !threats.isEmpty { heads.append("Strongest single attack") }
    if !threats.isEmpty { asTheyAre.append("–") }
    if report.gates?.isEmpty == false { heads.append("Gate") }
    let first = cells(
      heads, "No attack", "the examples as they are, n = \(clean.n)", clean.cleanAccuracy, clean.cleanInterval,
      asTheyAre, gate(of: nil))
    let rows = threats.map { threat -> Html in
      let count = threat.attacks.count, bound = endedEarly(threat) ? "at most: the time ended attacks; " : ""
      let n = threat.n == report.n ? "" : ", n = \(threat.n)"
      var middle = others.indices.map {
        threat.others.indices.contains($0) ? Written.percent(threat.others[$0].accuracy) : "–"
      }
      if hasNoiseOff { middle.append(threat.noiseOff.map { Written.percent($0.accuracy) } ?? "–") }
      if report.isRegression { middle.append(report.worstError(under: threat)?.figure ?? "–") }
      middle.append(count == 1 ? "the same" : "\(threat.strongest): \(Written.percent(threat.strongestAccuracy))")
      return cells(
        heads, threat.title, "\(bound)\(count == 1 ? threat.strongest : "union of \(count) attacks")\(n)",
        threat.robustAccuracy, threat.interval, middle, gate(of: threat))
    }
    let note: Html? =
      threats.isEmpty
      ? nil
      : """
      <p class="muted">An example counts as right if it withstands every attack of its row. \
      Models beside this one are attacked themselves, by the same attacks.</p>
      """
    return """
      <h2 id="threats">By threat model</h2><section class="card">
      <div class="scroll" tabindex="0" role="region" aria-label="Accuracy by threat model"><table class="verdict stack">
      <caption>Accuracy by threat model: all attacks of a ball together, example by example</caption>
      <thead><tr>\(heads.map { "<th scope=\"col\">\($0)</th>" as Html })</tr></thead><tbody>
      \(first)\(rows)</tbody></table></div>\(note)</section>

      """
  }

  private func cells(
    _ heads: [String], _ title: String, _ note: String, _ value: Double, _ interval: Interval, _ middle: [String],
    _ gate: Html?
  ) -> Html {
    let rest = zip(heads.dropFirst(3), middle).map { "<td data-l=\"\($0)\">\($1)</td>" as Html }
    let last: Html? = report.gates?.isEmpty == false ? "<td data-l=\"Gate\">\(gate ?? "–")</td>" : nil
    return """
      <tr><th scope="row">\(title)<small>\(note)</small></th>\
      <td data-l="Accuracy"><strong style="--h:\(Html.hue(value))">\(Written.percent(value))</strong></td>\
      <td class="n" data-l="95 %">\(Written.interval(interval))</td>\(rest)\(last)</tr>

      """
  }

  /// - Parameter threat: nil: the clean examples.
  private func gate(of threat: ThreatReport?) -> Html? {
    let found = (report.gates ?? []).filter { result in
      guard let gate = try? Gate(parsing: result.gate) else { return false }
      return threat.map { gate.concerns($0, in: report) } ?? (gate.probe.probe == "clean")
    }
    guard !found.isEmpty else { return nil }
    let failed = found.filter { !$0.passed }
    return failed.isEmpty
      ? "<span class=\"good\">kept</span>"
      : "<span class=\"bad\">not kept: \(failed.map(\.gate).joined(separator: ", "))</span>"
  }

  // MARK: beside attacks

  /// Rows of the verdict that are neither of the table above nor said at length below.
  private var besideAttacks: Html? {
    var rows = Verdict(report).rows.filter { ["errors", "corruptions", "calibration", "findings"].contains($0.name) }
    let certified = report.probes.filter { $0.certified != nil }
    rows += certified.prefix(4).map { probe in
      Verdict.Row(
        name: "certified", value: Written.percent(probe.robustAccuracy), range: Written.interval(probe.interval),
        note: probe.title, mark: .plain)
    }
    if let worst = report.worstClass {
      let place = worst.threat.map { "under \($0.title)" } ?? "as they are"
      rows.append(
        .init(
          name: "worst class", value: label(worst.found.label), range: Written.interval(worst.share.interval),
          note: "\(Written.percent(worst.share.value)) of its \(worst.share.n) examples, \(place)", mark: .plain))
    }
    guard !rows.isEmpty else { return nil }
    let body = rows.map { row -> Html in
      let style: Html = row.mark == .bad ? " class=\"bad\"" : row.mark == .good ? " class=\"good\"" : ""
      return """
        <tr><th scope="row">\(row.name.capitalizedFirst)</th><td><strong\(style)>\(row.value)</strong></td>\
        <td>\(row.range)</td><td>\(row.note)</td></tr>

        """
    }
    return """
      <section class="card beside"><table class="wordy"><caption>Beside attacks</caption><tbody>
      \(body)</tbody></table></section>

      """
  }

  var gates: Html? {
    guard let gates = report.gates, !gates.isEmpty else { return nil }
    let items = gates.map { gate -> Html in
      """
      <li class="\(gate.passed ? "passed" : "failed")"><span class="mark" aria-label="\(gate.passed ? "passed" : "failed")">\
      \(gate.passed ? "✓" : "!")</span><span>\(gate.message)</span></li>
      """
    }
    return """
      <h2 id="gates">Gates: \(gates.allSatisfy(\.passed) ? "passed" : "failed")</h2>\
      <section class="card"><ul class="checks">\(items)</ul></section>

      """
  }
}
