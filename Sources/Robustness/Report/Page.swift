import DitherGraph
import DitherInference
import Foundation

extension Report {
  /// The report as one page that needs nothing else: no script, no request, every picture inside.
  public func html() -> String { Page(self).html.source }
}

/// The page's sections, from the main thing to the fine print.
struct Page {
  let report: Report

  init(_ report: Report) { self.report = report }

  var html: Html {
    let above = sectionsAbovePictures
    let sections = PageSections(above + sectionsBelowPictures, room: PageSections.mostBytes)
    // Pictures take what is left.
    let pictures = gallery(room: min(PageSections.mostBytes - sections.size, Self.pictureAllowance))
    var parts = sections.sections.map(\.html)
    parts.insert(pictures, at: above.count)
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
      <meta name="generator" content="dither">\(digests)<title>Robustness of \(name)</title>
      <style>\(Html.style)</style></head><body><main>
      \(header)\(sections.note)\(parts.compactMap { $0 })
      </main></body></html>

      """
  }

  private var sectionsAbovePictures: [PageSections.Section] {
    [
      .init("what the numbers do not cover", omissions), .init("gates", gates), .init("findings", findings),
      .init("the chart of accuracies", overview, rank: 10),
      .init("accuracy by strength", strengths, rank: 3),
      .init("accuracy against epsilon", distances, rank: 5),
      .init("transfer", transfer, rank: 6),
      .init("corruptions", corruptions, rank: 9),
      .init("corruptions, curves by severity", corruptionFigures, rank: 0),
      .init("certificates", certificates, rank: 7),
      .init("calibration", calibration, rank: 8),
      .init("measurements", measurements, rank: 4),
      .init("comparisons", comparison, rank: 11),
    ]
  }

  private var sectionsBelowPictures: [PageSections.Section] {
    [
      .init("how the attacks got on", progress, rank: 1),
      .init("all numbers", numbers),
      .init("checks that passed", checks, rank: 2),
      .init("to get the same report", fineprint),
    ]
  }

  /// What the page is about, for programs that check its signature.
  private var digests: [Html] {
    let facts =
      [("model-digest", report.digest)] + (report.members ?? []).map { ("member-digest", $0.digest) }
      + [("data-digest", report.dataDigest), ("seed", "\(report.seed)")] + (report.code.map { [("code", $0)] } ?? [])
    return facts.map { "<meta name=\"dither:\($0.0)\" content=\"\($0.1)\">" }
  }

  private var name: String { report.version.map { "\(report.model)@\($0)" } ?? report.model }
  private var clean: ProbeReport? { report.probes.first }
  private var attacks: [ProbeReport] { report.probes.filter { $0.kind == .attack } }
  /// Whose numbers there are, in the order of legends and columns.
  var roles: [Chart.Series.Role] {
    let rivals = report.probes.map { $0.rivals?.count ?? 0 }.max() ?? 0
    let all = [.model, .baseline] + (0..<rivals).map(Chart.Series.Role.rival) + [.noiseOff, .singleDraw]
    return all.filter { role in report.probes.contains { $0.measured(role) != nil } }
  }

  /// The other models, each with what the page calls it.
  private var comparisons: [(role: Chart.Series.Role, comparison: Comparison)] {
    [report.comparison].compactMap { $0.map { (.baseline, $0) } }
      + (report.furtherComparisons ?? []).enumerated().map { (.rival($0), $1) }
  }

  // MARK: the main thing

  private var header: Html {
    let worst = attacks.min { $0.robustAccuracy < $1.robustAccuracy }
    var deployed =
      report.samples > 0
      ? "answers with the mean of \(report.samples) draws of its noise"
      : report.members.map { "is an ensemble: it answers with the mean of \($0.count) models" }
        ?? "answers without noise"
    if let temperature = report.temperature { deployed += ", at temperature \(Written.decimal(temperature))" }
    return """
      <header><p class="eyebrow">Robustness audit\(report.battery.map { " · battery \($0)" as Html })</p>
      <h1>\(name)</h1>
      <p class="lead">\(summary(worst))</p>
      <p class="muted">The model \(deployed). Ranges are 95 % intervals.</p></header>
      <div class="tiles">\(clean.map { tile("Clean accuracy", $0.cleanAccuracy, $0.cleanInterval) })\
      \(worst.map { tile("Worst attack: \($0.title)", $0.robustAccuracy, $0.interval) })\
      \(report.probes.compactMap(\.calibration).first.map(calibrationTile))\(checksTile)</div>

      """
  }

  private func summary(_ worst: ProbeReport?) -> String {
    guard let clean else { return "" }
    let start =
      "On \(report.n) examples of \(report.data) it is right on \(Written.percent(clean.cleanAccuracy)) "
      + "(\(Written.interval(clean.cleanInterval)))"
    guard let worst else { return start + "." }
    let bound = worst.evidence?[.endedEarly] == nil ? "leaves" : "ended by the time, leaves at most"
    return start
      + "; the strongest attack tried, \(worst.title), \(bound) \(Written.percent(worst.robustAccuracy)) "
      + "(\(Written.interval(worst.interval)))."
  }

  /// What the numbers do not cover.
  private var omissions: Html? {
    var items: [Html] = []
    if let incomplete = report.incomplete {
      items.append("<li>\(incomplete.message)</li>")
      if !incomplete.endedEarly.isEmpty {
        items.append("<li>Ended early, upper bounds: \(incomplete.endedEarly.joined(separator: "; "))</li>")
      }
      if !incomplete.missingProbes.isEmpty {
        items.append("<li>Missing: \(incomplete.missingProbes.joined(separator: "; "))</li>")
      }
    }
    items += failures(countedWrong: false)
    let wrong = failures(countedWrong: true)
    let lists = [
      ("Left out", "What the numbers below do not cover:", items),
      ("Without an answer", "Counted as wrong in the numbers below:", wrong),
    ].filter { !$0.2.isEmpty }
    return lists.isEmpty
      ? nil
      : Html(
        joining: lists.map { title, what, items in
          "<h2>\(title)</h2><section class=\"card findings\"><p>\(what)</p><ul>\(items)</ul></section>\n"
        })
  }

  private func failures(countedWrong: Bool) -> [Html] {
    let all = report.failuresByReason.filter { $0.countedWrong == countedWrong }
    var items = all.prefix(100).map { failure -> Html in
      let (probes, others) = failure.named, codes = probes.map { "<code>\($0)</code>" as Html }
      return "<li>\(failure.examples): \(failure.message), in \(Html(joining: codes, by: ", "))\(others)</li>"
    }
    if all.count > 100 { items.append("<li>and \(all.count - 100) more, in the JSON form</li>") }
    return items
  }

  private func tile(_ title: String, _ value: Double, _ interval: Interval) -> Html {
    """
    <div class="card tile"><p>\(title)</p><strong>\(Written.percent(value))</strong><p>\(Written.interval(interval))</p></div>
    """
  }

  private static func range(_ interval: Interval) -> String {
    "\(Written.decimal(interval.low)) to \(Written.decimal(interval.high))"
  }

  private func calibrationTile(_ calibration: Calibration) -> Html {
    """
    <div class="card tile"><p>Calibration error (ECE, 15 bins)</p><strong>\(Written.decimal(calibration.ece15))</strong>\
    <p>\(Self.range(calibration.ece15Interval)); NLL \(Written.decimal(calibration.nll)), Brier \(Written.decimal(calibration.brier))</p></div>
    """
  }

  private var checksTile: Html? {
    guard !report.checks.isEmpty else { return nil }
    let passed = report.checks.count - report.findings.count
    return """
      <div class="card tile \(report.findings.isEmpty ? "good" : "bad")"><p>Checks of the attacks themselves</p>\
      <strong>\(passed) of \(report.checks.count)</strong><p>passed</p></div>
      """
  }

  private var findings: Html? {
    guard !report.findings.isEmpty else { return nil }
    return """
      <h2>Findings</h2><section class="card findings"><p>These numbers may flatter the model:</p>\(list(report.findings))</section>

      """
  }

  private func list(_ checks: [Check]) -> Html {
    let items = checks.prefix(Self.mostChecks).map { check -> Html in
      """
      <li class="\(check.passed ? "passed" : "failed")"><span class="mark" aria-label="\(check.passed ? "passed" : "failed")">\
      \(check.passed ? "✓" : "!")</span><span>\(check.message) <code>\(check.probe)</code></span></li>
      """
    }
    let more: Html? =
      checks.count > items.count ? "<p>and \(checks.count - items.count) more, in the JSON form</p>" : nil
    return "<ul class=\"checks\">\(items)</ul>\(more)"
  }
  private static let mostChecks = 300

  // MARK: charts

  private var overview: Html {
    // Of a corruption's severities the strongest: the others have a table of their own.
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
      <h2>Accuracy under every condition</h2>
      \(Html.figure(
        report.incomplete == nil ? "Share of all \(report.n) examples answered right" : "Share of examples answered right", note: note, chart: chart,
        legend: present.map(\.key), table: .table("Accuracy by condition", heads, rows)))
      """
  }

  private var strengths: Html? {
    let figures = attackCurves
    return figures.isEmpty ? nil : "<h2>Accuracy by strength</h2><div class=\"charts\">\(figures)</div>"
  }

  /// Attacks that differ in epsilon alone, as one curve each.
  private var attackCurves: [Html] {
    curves(
      attacks.map { probe in
        var rest = probe.parameters
        let epsilon = rest.removeValue(forKey: "epsilon")
        let norm = rest["norm"].flatMap { Norm(rawValue: $0.description) }
        let sign = norm.map { $0 == .linf ? "L∞" : $0.rawValue.uppercased() } ?? ""
        let keys = rest.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        return (
          "\(probe.probe) \(keys)", "\(probe.probe), \(sign)", "epsilon, in units of the input",
          epsilon?.number ?? 0, epsilon?.description ?? "", probe
        )
      })
  }

  var corruptionCurves: [Html] {
    curves(
      report.probes.compactMap { probe in
        guard case .integer(let severity)? = probe.parameters["severity"] else { return nil }
        return (
          probe.probe, probe.probe.replacingOccurrences(of: "_", with: " "), "severity", Double(severity),
          "\(severity)",
          probe
        )
      })
  }

  private func curves(
    _ points: [(key: String, title: String, axis: String, x: Double, label: String, probe: ProbeReport)]
  ) -> [Html] {
    var order: [String] = []
    for point in points where !order.contains(point.key) { order.append(point.key) }
    return order.compactMap { key in
      let group = points.filter { $0.key == key && $0.x > 0 }.sorted { $0.x < $1.x }
      guard let first = group.first, group.count > 1 else { return nil }
      let series = roles.map { role -> Chart.Series in
        let start = first.probe.measured(role, clean: true)
          .map { Chart.Series.Point(x: 0, label: "0", value: $0.value, interval: $0.interval) }
        return Chart.Series(
          role: role,
          points: [start].compactMap { $0 }
            + group.compactMap { point in
              point.probe.measured(role).map {
                Chart.Series.Point(x: point.x, label: point.label, value: $0.value, interval: $0.interval)
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
        first.title,
        chart: Chart.lines(series, xTitle: first.axis, description: "\(first.title): accuracy by \(first.axis)"),
        legend: series.map(\.role.key),
        table: .table("\(first.title): accuracy", [first.axis] + series.map(\.role.title), rows))
    }
  }

  // MARK: certificates

  private var certificates: Html? {
    let figures = CertificateFigures(report.probes, roles).all
    guard !figures.isEmpty else { return nil }
    return "<h2>Certified accuracy by radius</h2><div class=\"charts\">\(figures)</div>"
  }

  private var calibration: Html? {
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
    return "<h2>Calibration</h2><div class=\"charts\">\(figures)</div>"
  }

  private var comparison: Html? {
    comparisons.isEmpty ? nil : Html(joining: comparisons.map(section))
  }

  private func section(_ role: Chart.Series.Role, _ comparison: Comparison) -> Html {
    let pairs = comparison.probes.indices.filter(report.comparesAccuracy).map { comparison.probes[$0] }
    let sentences = pairs.map { "<li>\($0.sentence)</li>" as Html }
    let rows = pairs.map { pair in
      [
        pair.probe, Written.points(pair.difference), Written.interval(pair.interval), "\(pair.onlyModel)",
        "\(pair.onlyBaseline)", Written.probability(pair.mcnemarP),
      ]
    }
    // As many are a reader's temptation to pick one.
    let chance: Html? =
      pairs.count < 10
      ? nil
      : """
      <p class="muted">\(pairs.count) comparisons were made; at the 5 % level about \
      \(String(format: "%.2g", Double(pairs.count) / 20)) would differ by chance alone.</p>
      """
    let heads = ["Condition", "Difference, points", "95 %", "Only this model right", "Only the other right", "McNemar"]
    return """
      <h2>Against \(comparison.otherName), example by example</h2><section class="card">
      <p class="muted">Both models saw the same \(report.n) examples. The other, \(role.title) on this page, is \
      <strong>\(comparison.otherName)</strong>.</p>
      \(chance)
      <ul class="sentences">\(sentences)</ul>
      <details><summary>Numbers</summary>\(Html.table("Paired differences of accuracy", heads, rows))</details></section>

      """
  }

  // MARK: pictures

  /// Bytes that all pictures together may take.
  static let pictureAllowance = 800_000

  private func gallery(room: Int) -> Html? {
    let shown = report.probes.compactMap { probe -> (title: String, pictures: [Illustration])? in
      // Of a corruption's severities the strongest is enough.
      if let severity = probe.severity, severity < 5 { return nil }
      guard let pictures = probe.illustrations, !pictures.isEmpty else { return nil }
      return (probe.title, pictures)
    }
    guard !shown.isEmpty else { return nil }
    let drawn = pictures(of: shown.map(\.pictures), room: room - shown.reduce(0) { $0 + 100 + $1.title.utf8.count })
    let missing = shown.reduce(0) { $0 + $1.pictures.count } - drawn.reduce(0) { $0 + $1.count }
    let parts = zip(shown, drawn).map { probe, pictures -> Html? in
      pictures.isEmpty ? nil : "<h3>\(probe.title)</h3><div class=\"gallery\">\(pictures)</div><br>"
    }
    let rest: Html? =
      missing == 0
      ? nil
      : """
      <p class="muted">\(missing) more \(missing == 1 ? "picture is" : "pictures are") left out, here and in every other form of the report: the page \
      would grow too large.</p>
      """
    return """
      <h2>What it looks like</h2><section class="card">
      <p class="muted">Before, the change (grey is none; stretched to full contrast), after.</p>
      \(parts.compactMap { $0 })\(rest)</section>

      """
  }

  /// The first picture of every probe, then the second of every probe, and so on, while there is room.
  private func pictures(of probes: [[Illustration]], room: Int) -> [[Html]] {
    var drawn = probes.map { _ in [Html]() }, room = room
    for round in 0..<(probes.map(\.count).max() ?? 0) {
      for (at, pictures) in probes.enumerated() where round < pictures.count {
        let markup = picture(pictures[round])
        room -= markup.source.utf8.count
        guard room >= 0 else { return drawn }
        drawn[at].append(markup)
      }
    }
    return drawn
  }

  /// Before, the change and after, as base64.
  private func files(of one: Illustration) -> [String] {
    [one.before, one.change, one.after].map {
      Png.encode(planes: $0, channels: one.channels, height: one.height, width: one.width).base64EncodedString()
    }
  }

  private func picture(_ one: Illustration) -> Html {
    let images = zip(files(of: one), ["before", "the change", "after"]).map { file, title -> Html in
      """
      <img alt="Example \(one.index), \(title)" width="\(one.width)" height="\(one.height)" \
      src="data:image/png;base64,\(file)">
      """
    }
    let isBroken = one.label != one.labelAfter
    return """
      <section><div>\(images)</div><p>\(label(one.label)) → <span class="\(isBroken ? "broken" : "kept")">\
      \(label(one.labelAfter))</span></p></section>
      """
  }

  private func label(_ index: Int) -> String {
    guard index != Label.none else { return "no answer" }
    guard let names = report.labelNames, names.indices.contains(index) else { return "\(index)" }
    return names[index]
  }

  // MARK: the fine print

  private var numbers: Html {
    let isRandom = report.probes.contains { $0.noiseFlips != nil }
    let rows = report.probes.filter { $0.kind != .measurement }.map { probe in
      [
        probe.title, "\(probe.n)", Written.percent(probe.cleanAccuracy), Written.percent(probe.robustAccuracy),
        Written.interval(probe.interval),
      ]
        + (isRandom
          ? [probe.noiseFlips.map { "\(Written.percent($0.value)) (\(Written.interval($0.interval)))" } ?? "–"] : [])
        + [
          probe.questions > 0 ? "\(probe.questions)" : "–",
          probe.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", "),
        ]
    }
    let note: Html? =
      isRandom
      ? """
      <p class="muted">Noise alone: clean answers that other draws of the noise turn from right to wrong. No attack is credited with them.</p>
      """ : nil
    return """
      <h2>All numbers</h2><section class="card">
      \(Html.table("This model, by condition",
        ["Condition", "n", "Clean", "Robust", "95 %"] + (isRandom ? ["Noise alone"] : []) + ["Questions asked", "Parameters"],
        rows, isWordy: true))
      \(note)</section>

      """
  }

  private var checks: Html? {
    let passed = report.checks.filter(\.passed)
    guard !passed.isEmpty else { return nil }
    return """
      <h2>Checks that passed</h2><section class="card"><p class="muted">An audit that flatters a model is a defect, so the \
      attacks are tested too.</p>\(list(passed))</section>

      """
  }

  private var fineprint: Html {
    let noise = report.noise?.terms.map { term in
      "\(term.distribution) on \(term.site.rawValue), σ = \(ParameterValue.written(Double("\(term.sigma)") ?? 0)), \(term.scale.rawValue)"
    }
    var facts = [("Model", name), ("Model digest", report.digest)]
    for member in report.members ?? [] { facts.append(("Member \(member.model)", member.digest)) }
    for (role, comparison) in comparisons {
      let title = role.title.capitalizedFirst
      facts += [(title, comparison.otherName), ("\(title)'s digest", comparison.baselineDigest)]
      for member in comparison.baselineMembers ?? [] {
        facts.append(("\(title)'s member \(member.model)", member.digest))
      }
      if let temperature = comparison.baselineTemperature {
        facts.append(("\(title)'s temperature", Written.decimal(temperature)))
      }
    }
    facts += [
      ("Data", "\(report.data), first \(report.n) examples"), ("Data digest", report.dataDigest),
      ("Noise", noise?.joined(separator: "; ") ?? "none"), ("Temperature", Written.decimal(report.temperature ?? 1)),
      ("Seed", "\(report.seed)"), ("Code", report.code ?? "not said"),
      ("Draws for each answer", report.samples > 0 ? "\(report.samples)" : "none: deterministic"),
    ]
    let list = facts.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" as Html }
    return """
      <h2>To get the same report</h2><section class="card"><pre><code>\(report.command)</code></pre><dl>\(list)</dl>
      <p class="muted">Attacks are on examples that the model gets right; what it gets wrong by itself counts against it, not \
      for the attack. A random model is attacked through its noise (means over draws) and judged on draws that the attack \
      did not see. Intervals of single accuracies are Wilson's, of paired differences Newcombe's.</p></section>
      """
  }
}

extension ProbeReport {
  /// What was measured of another model, or of this one in another way.
  func other(_ role: Chart.Series.Role) -> Measured? {
    switch role {
    case .baseline: baseline
    case .rival(let at): rivals.flatMap { $0.indices.contains(at) ? $0[at] : nil }
    case .noiseOff: noiseOff
    case .model, .singleDraw: nil
    }
  }

  func measured(_ role: Chart.Series.Role, clean: Bool = false) -> (value: Double, interval: Interval)? {
    switch role {
    case .model: return clean ? (cleanAccuracy, cleanInterval) : (robustAccuracy, interval)
    case .baseline, .rival, .noiseOff:
      guard let other = other(role) else { return nil }
      guard clean else { return (other.robustAccuracy, other.interval) }
      let right = Int((other.cleanAccuracy * Double(n)).rounded())
      return (other.cleanAccuracy, Proportion(right, of: n).interval)
    case .singleDraw: return singleDraw.map { clean ? (cleanAccuracy, cleanInterval) : ($0.accuracy, $0.interval) }
    }
  }

  fileprivate func calibration(_ role: Chart.Series.Role) -> Calibration? {
    role == .model ? calibration : other(role)?.calibration
  }
}

extension Comparison {
  /// The other model's, with its version.
  fileprivate var otherName: String { baselineVersion.map { "\(baseline)@\($0)" } ?? baseline }
}

extension Illustration {
  /// After less before, around grey, the largest change at full contrast.
  fileprivate var change: Data {
    let differences = zip(after, before).map { Int($0) - Int($1) }, most = max(differences.map(abs).max() ?? 1, 1)
    return Data(differences.map { UInt8(128 + $0 * 127 / most) })
  }
}

extension ParameterValue {
  var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    case .truth, .text: nil
    }
  }
}
