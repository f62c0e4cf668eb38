import DitherRobustness
import Foundation

/// The examples that fail, the most fragile first, to be filtered by class and by what breaks them.
extension Page {
  private static let mostFailing = 300

  /// A probe, or all severities of a corruption: what a reader filters by.
  private struct Cause {
    var title: String
    /// Places of the examples that it breaks.
    var broken: Set<Int>
  }

  private struct FailingExample {
    var row: Int
    var isWrong: Bool
    var attacks: Int, corruptions: Int
    /// The smallest ball that breaks it, of each norm.
    var balls: String
    var causes: [Int]
  }

  private var judging: [ProbeReport] { report.probes.filter { [.attack, .corruption].contains($0.kind) } }

  private func broken(_ probe: ProbeReport) -> Set<Int> {
    Set(probe.places.filter { $0.value < probe.perExample.count && !probe.perExample[$0.value] }.keys)
  }

  private var causes: [Cause] {
    var causes: [Cause] = [], places: [String: Int] = [:]
    for probe in judging {
      let title = probe.kind == .corruption ? probe.probe.replacing("_", with: " ") : probe.title
      if let place = places[title] {
        causes[place].broken.formUnion(broken(probe))
      } else {
        places[title] = causes.count
        causes.append(Cause(title: title, broken: broken(probe)))
      }
    }
    return causes
  }

  private var failingExamples: [FailingExample] {
    guard let facts = report.examples, !judging.isEmpty else { return [] }
    let causes = self.causes, sets = judging.map { (probe: $0, broken: broken($0)) }
    var smallest: [Norm: [Int: Double]] = [:], attacks: [Int: Int] = [:], corruptions: [Int: Int] = [:]
    for (probe, rows) in sets {
      for row in rows {
        if probe.kind == .attack { attacks[row, default: 0] += 1 } else { corruptions[row, default: 0] += 1 }
        if let threat = probe.threat, probe.leadsAway {
          let before = smallest[threat.norm]?[row] ?? .infinity
          smallest[threat.norm, default: [:]][row] = min(before, threat.epsilon)
        }
      }
    }
    let found = facts.labels.indices.compactMap { row -> FailingExample? in
      let own = causes.indices.filter { causes[$0].broken.contains(row) }
      guard !own.isEmpty else { return nil }
      let isWrong = facts.answers.indices.contains(row) && facts.answers[row] != facts.labels[row]
      let balls = Norm.allCases.compactMap { norm in
        smallest[norm]?[row].map { "\(norm.title) \(ParameterValue.written($0))" }
      }
      return FailingExample(
        row: row, isWrong: isWrong, attacks: attacks[row] ?? 0, corruptions: corruptions[row] ?? 0,
        balls: isWrong ? "none needed" : balls.joined(separator: ", "), causes: own)
    }
    return found.sorted {
      ($0.isWrong ? 0 : 1, -$0.attacks, -$0.corruptions, $0.row) < (
        $1.isWrong ? 0 : 1, -$1.attacks, -$1.corruptions, $1.row
      )
    }
  }

  var failingHint: String {
    let count = failingExamples.count
    return count == 0 ? "" : "\(count) of \(report.n) under anything that was tried"
  }

  var failing: Html? {
    let all = failingExamples
    guard let facts = report.examples, !all.isEmpty else { return nil }
    let shown = all.prefix(Self.mostFailing), causes = self.causes
    let attackCount = judging.count { $0.kind == .attack }, corruptionCount = judging.count - attackCount
    let present = Set(shown.map { facts.labels[$0.row] }).sorted(), used = Set(shown.flatMap(\.causes)).sorted()
    let classes = present.map { "<option value=\"\($0)\">\(label($0))</option>" as Html }
    let probes = used.map { "<option value=\"\($0)\">\(causes[$0].title)</option>" as Html }
    let rows = shown.map { one -> Html in
      let answer = facts.answers.indices.contains(one.row) ? label(facts.answers[one.row]) : "–"
      let keys = one.causes.map { "\($0)" }.joined(separator: " "), truth = facts.labels[one.row]
      let corrupted: Html? =
        corruptionCount == 0 ? nil : "<td data-l=\"Corruptions\">\(one.corruptions) of \(corruptionCount)</td>"
      let attacked: Html? =
        attackCount == 0
        ? nil
        : "<td data-l=\"Attacks\">\(one.attacks) of \(attackCount)</td><td data-l=\"Smallest ball\">\(one.balls)</td>"
      return """
        <tr data-c="\(truth)" data-p="\(keys)"><th scope="row">\(facts.first &+ one.row)</th>\
        <td data-l="Class">\(label(truth))</td><td data-l="Answer as it is">\
        <span class="\(one.isWrong ? "bad" : "")">\(answer)</span></td>\(attacked)\(corrupted)</tr>

        """
    }
    let heads =
      ["Example", "Class", "Answer as it is"]
      + (attackCount == 0 ? [] : ["Broken by attacks", "Smallest ball that breaks it"])
      + (corruptionCount == 0 ? [] : ["By corruptions"])
    let rest: Html? =
      all.count > shown.count
      ? "<p class=\"muted\">The first \(shown.count) of \(all.count); the others are in the JSON form.</p>" : nil
    return """
      <section class="card"><p class="muted">Numbers of the examples in \(report.data). First those that are wrong as they \
      are, then those that most attacks break. In the JSON form each probe has its answers by example.</p>
      <p class="tools" hidden><label>Class <select id="by-class"><option value="">all</option>\(classes)</select></label> \
      <label>Broken by <select id="by-probe"><option value="">anything</option>\(probes)</select></label> \
      <span id="shown" role="status"></span></p>
      <div class="scroll" tabindex="0" role="region" aria-label="Examples that fail"><table class="stack">
      <caption>Examples that fail</caption><thead><tr>\(heads.map { "<th scope=\"col\">\($0)</th>" as Html })</tr></thead><tbody>
      \(rows)</tbody></table></div>\(rest)</section>

      """
  }
}
