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
      <h2>All numbers</h2><section class="card">
      \(Html.table("This model, by condition",
        ["Condition", "n", "Clean", "Robust", "95 %"] + (isRandom ? ["Noise alone"] : []) + ["Queries", "Parameters"],
        rows, isWordy: true))
      \(note)</section>

      """
  }

  var checks: Html? {
    let passed = report.checks.filter(\.passed)
    guard !passed.isEmpty else { return nil }
    return """
      <h2>Checks that passed</h2><section class="card"><p class="muted">An audit that flatters a model is a defect, so the \
      attacks are tested too.</p>\(list(passed))</section>

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
