import DitherRobustness
import Foundation

/// The main thing: what was found, in a sentence and a few tiles, with what the numbers do not cover.
extension Page {
  var header: Html {
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

  /// Gaps of the numbers.
  var omissions: Html? {
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

  func failures(countedWrong: Bool) -> [Html] {
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

  static func range(_ interval: Interval) -> String {
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

  var findings: Html? {
    guard !report.findings.isEmpty else { return nil }
    return """
      <h2>Findings</h2><section class="card findings"><p>These numbers may flatter the model:</p>\(list(report.findings))</section>

      """
  }

  func list(_ checks: [Check]) -> Html {
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
}
