import DitherRobustness
import Foundation

/// The other models, example by example: one table with a forest plot for each.
extension Page {
  var comparison: Html? {
    comparisons.isEmpty ? nil : Html(joining: comparisons.enumerated().map { section($0.offset, $0.element) })
  }

  private struct Compared {
    var name: String, note = ""
    var kind: ProbeReport.Kind?
    var difference: Double, interval: Interval
    var onlyModel: Int, onlyOther: Int
    var p: Double
  }

  private func section(_ at: Int, _ item: (role: Chart.Series.Role, comparison: Comparison)) -> Html {
    let comparison = item.comparison, all = unions(at) + pairs(at, comparison)
    let adjusted = Statistics.holm(all.map(\.p))
    let rows = zip(all, adjusted).map { one, holm in
      Forest.Row(
        name: one.name, note: one.note, difference: one.difference, interval: one.interval,
        cells: ["\(one.onlyModel)", "\(one.onlyOther)", Written.probability(one.p), Written.probability(holm)])
    }
    let main = zip(all, rows).filter { $0.0.kind != .corruption }.map(\.1)
    let corrupted = zip(all, rows).filter { $0.0.kind == .corruption }.map(\.1)
    let heads = ["Only this model right", "Only the other", "McNemar", "Holm"]
    func forest(_ caption: String, _ rows: [Forest.Row]) -> Html {
      Forest(caption: caption, first: "Condition", difference: "Difference, points", heads: heads, rows: rows).html
    }
    let sure = adjusted.count { $0 < 0.05 }
    let folded: Html? =
      corrupted.isEmpty
      ? nil
      : """
      <details><summary>\(corrupted.count) corruptions</summary>\(forest("Paired differences of accuracy under corruptions", corrupted))</details>
      """
    return """
      <section class="card"><h3>\(comparison.otherName)</h3>
      <p class="muted">Both models saw the same \(report.n) examples. The other is \(item.role.title) on this page. Right of \
      the middle this model is better. Of \(all.count) comparisons \(sure) differ\(sure == 1 ? "s" : "") at the 5 % level when that is kept \
      for all of them together (Holm).</p>
      \(forest("Paired differences of accuracy, this model less the other", main))\(folded)</section>

      """
  }

  /// Both models under all attacks of a ball together.
  private func unions(_ at: Int) -> [Compared] {
    report.threatModels.filter { $0.attacks.count > 1 && $0.others.indices.contains(at) }.map { threat in
      compared(threat.title, "union of \(threat.attacks.count)", threat.perExample, threat.others[at].perExample)
    }
  }

  private func compared(_ name: String, _ note: String, _ own: [Bool], _ other: [Bool]) -> Compared {
    let pairs = zip(own, other), both = pairs.count { $0 && $1 }, neither = pairs.count { !$0 && !$1 }
    let onlyModel = pairs.count { $0 && !$1 }, onlyOther = pairs.count { !$0 && $1 }
    let n = Double(max(both + neither + onlyModel + onlyOther, 1))
    return Compared(
      name: name, note: note, difference: Double(onlyModel - onlyOther) / n,
      interval: Statistics.pairedDifference(both: both, onlyFirst: onlyModel, onlySecond: onlyOther, neither: neither),
      onlyModel: onlyModel, onlyOther: onlyOther, p: Statistics.mcnemar(onlyFirst: onlyModel, onlySecond: onlyOther))
  }

  /// As the report has them. Severities of a corruption that give the same are one row.
  private func pairs(_ at: Int, _ comparison: Comparison) -> [Compared] {
    var found: [Compared] = [], last: (probe: ProbeReport, first: Int)?
    for (index, pair) in comparison.probes.enumerated() where report.comparesAccuracy(at: index) {
      let probe = report.probes[index]
      var next = Compared(
        name: probe.title, kind: probe.kind, difference: pair.difference, interval: pair.interval,
        onlyModel: pair.onlyModel, onlyOther: pair.onlyBaseline, p: pair.mcnemarP)
      if report.incomplete?.endedEarly.contains(pair.probe) == true { next.note = "ended early: upper bounds" }
      if let severity = probe.severity, let before = last, before.probe.probe == probe.probe,
        before.probe.perExample == probe.perExample, others(before.probe, at) == others(probe, at), !found.isEmpty
      {
        found[found.count - 1].name =
          "\(probe.probe.replacing("_", with: " ")), severities \(before.first) to \(severity)"
        continue
      }
      found.append(next)
      last = (probe, probe.severity ?? 0)
    }
    return found
  }

  private func others(_ probe: ProbeReport, _ at: Int) -> [Bool]? {
    probe.others.indices.contains(at) ? probe.others[at].perExample : nil
  }
}

extension Comparison {
  /// The other model's, with its version.
  var otherName: String { baselineVersion.map { "\(baseline)@\($0)" } ?? baseline }
}
