import DitherGraph
import DitherRobustness
import Foundation

/// All numbers, the checks that passed, and what to type to get the same report.
extension Page {
  var numbers: Html {
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
          probe.written,
        ]
    }
    let note: Html? =
      isRandom
      ? """
      <p class="muted">Noise alone: clean answers that other draws of the noise turn from right to wrong. No attack is credited with them.</p>
      """ : nil
    return """
      <section class="card">
      \(Html.table("This model, by condition",
        ["Condition", "n", "Clean", "Robust", "95 %"] + (isRandom ? ["Noise alone"] : []) + ["Queries", "Parameters"],
        rows, isWordy: true))
      \(note)</section>

      """
  }

  var passedHint: String { "\(report.checks.count(where: \.passed)) of \(report.checks.count)" }

  /// By kind, with the sentence of the first: each one is in the JSON form.
  var checks: Html? {
    let passed = report.checks.filter(\.passed)
    guard !passed.isEmpty else { return nil }
    var order: [String] = []
    for check in passed where !order.contains(check.check) { order.append(check.check) }
    let rows = order.map { name in
      let group = passed.filter { $0.check == name }, all = report.checks.count { $0.check == name }
      return [
        name.replacing("_", with: " "), "\(group.count) of \(all)",
        "\(group[0].message)\(group.count > 1 ? " (\(group[0].probe))" : "")",
      ]
    }
    return """
      <section class="card"><p class="muted">An audit that flatters a model is a defect, so the \
      attacks are tested too.</p>\(Html.table("Checks that passed", ["Check", "Passed", "For example"], rows, isWordy: true))</section>

      """
  }

  var fineprint: Html {
    let noise = report.noise?.summary
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
      ("Report format", report.format),
      ("Noise", noise?.joined(separator: "; ") ?? "none"), ("Temperature", Written.decimal(report.temperature ?? 1)),
      ("Seed", "\(report.seed)"), ("Program, with the digest of its sources", report.code ?? "not stated"),
      ("Draws for each answer", report.samples > 0 ? "\(report.samples)" : "none: deterministic"),
    ]
    let list = facts.map { (name: $0.0, value: "\($0.1)" as Html) }
    return """
      <section class="card"><pre><code>\(report.command)</code></pre>\(Html.facts(scope + list))
      <p class="muted">Attacks are on examples that the model gets right; what it gets wrong by itself counts against it, not \
      for the attack. A random model is attacked through its noise (means over draws) and judged on draws that the attack \
      did not see. Intervals of single accuracies are Wilson's, of paired differences Newcombe's.</p></section>
      """
  }

  /// The audit's subject and its limits; when, where and by whom it was made.
  private var scope: [(name: String, value: Html)] {
    let kinds = Dictionary(grouping: report.probes, by: \.kind).mapValues(\.count)
    let counted: [(ProbeReport.Kind, String)] = [
      (.attack, "attacks"), (.corruption, "corruptions"), (.certificate, "certificates"),
      (.measurement, "measurements"),
    ]
    let done = counted.compactMap { kind, words in kinds[kind].map { "\($0) \(words)" } }.joined(separator: ", ")
    let limits =
      "Holds for these examples, these balls and these attacks; a stronger attack may break more. "
      + "Nothing is said of other data, of poisoned training data, or of theft of the model."
    let silence = "not stated, so that the same audit gives the same bytes"
    let date =
      report.stamp?.date
      ?? "\(silence); a server's list of audits has it, and for a file --stamp states it in the report"
    return [
      ("Scope", "\(done.isEmpty ? "the examples as they are" : done)"), ("Limits", "\(limits)"), ("Date", "\(date)"),
      ("Machine", "\(report.stamp?.machine ?? "not stated; of a file's audit --stamp states it")"),
      ("Auditor", "\(report.stamp?.auditor ?? "not stated; of a file's audit --auditor states it")"),
    ]
  }
}
