import DitherInference
import DitherRobustness
import Foundation

/// Accuracy by class, and for what each class is taken: as the examples are, and under the main threat model.
extension Page {
  private static let mostRows = 40, mostInMatrix = 20

  var classHint: String {
    report.worstClass.map { "worst: \(label($0.found.label)), \(Written.percent($0.share.value))" } ?? ""
  }

  var classes: Html? {
    guard let classes = report.classes, classes.count > 1 else { return nil }
    let threat = report.mainThreat, place = threat.flatMap { report.threatModels.firstIndex(of: $0) }
    func attacked(_ one: ClassReport) -> Proportion? {
      place.flatMap { one.robust.indices.contains($0) ? one.robust[$0] : nil }
    }
    func share(_ share: Proportion?) -> [String] {
      guard let share, share.n > 0 else { return ["–", "–"] }
      return [Written.percent(share.value), Written.interval(share.interval)]
    }
    let pairs = report.confusion(under: threat) ?? [:]
    let shown =
      classes.count <= Self.mostRows
      ? classes
      : Array(
        classes.sorted { (attacked($0) ?? $0.clean).value < (attacked($1) ?? $1.clean).value }.prefix(Self.mostRows))
    let rows = shown.map { one in
      [label(one.label), "\(one.clean.n)"] + share(one.clean)
        + (threat == nil ? [] : share(attacked(one)) + [taken(one.label, pairs)])
    }
    let under = threat.map { "Under \($0.title)" } ?? ""
    let heads =
      ["Class", "n", "As they are", "95 %"] + (threat == nil ? [] : [under, "95 % ", "Then most often taken for"])
    let more: Html? =
      shown.count < classes.count
      ? "<p class=\"muted\">The \(shown.count) worst of \(classes.count) classes; all are in the JSON form.</p>" : nil
    // Certificates have no answers to the examples as they are.
    let table: Html? =
      classes.contains { $0.clean.n > 0 }
      ? "<section class=\"card\">\(Html.table("Accuracy by class", heads, rows))\(more)</section>" : nil
    return """
      \(worst)\(table)
      <div class="charts">\(confusion(nil, "As the examples are"))\(threat.flatMap { confusion($0, "Under all attacks, \($0.title)") })</div>

      """
  }

  private var worst: Html? {
    report.worstClass.map { worst in
      let place = worst.threat.map { "under all attacks within \($0.title)" } ?? "as the examples are"
      return """
        <p>Worst class: <strong>\(label(worst.found.label))</strong>, right on \(Written.percent(worst.share.value)) \
        (\(Written.interval(worst.share.interval))) of \(worst.share.n) examples, \(place).</p>

        """
    }
  }

  private func taken(_ label: Int, _ pairs: [ClassPair: Int]) -> String {
    let wrong = pairs.filter { $0.key.label == label && $0.key.answer != label }
    guard let most = wrong.max(by: { ($0.value, -$0.key.answer) < ($1.value, -$1.key.answer) }) else { return "–" }
    return "\(self.label(most.key.answer)) (\(most.value))"
  }

  private func confusion(_ threat: ThreatReport?, _ title: String) -> Html? {
    guard let pairs = report.confusion(under: threat), !pairs.isEmpty else { return nil }
    let labels = Set(pairs.keys.flatMap { [$0.label, $0.answer] }).sorted()
    let body = labels.count <= Self.mostInMatrix ? matrix(labels, pairs, title) : list(pairs, title)
    return "<section class=\"card\"><h3>\(title)</h3>\(body)</section>"
  }

  private func matrix(_ labels: [Int], _ pairs: [ClassPair: Int], _ title: String) -> Html {
    // Numbers where names would not fit; the row has the name.
    let heads = labels.map { one -> Html in
      "<th scope=\"col\" title=\"\(label(one))\">\(one == Label.none ? "none" : "\(one)")</th>"
    }
    let rows = labels.filter { $0 != Label.none }.map { row -> Html in
      let total = Double(max(labels.reduce(0) { $0 + (pairs[ClassPair(label: row, answer: $1)] ?? 0) }, 1))
      let cells = labels.map { column -> Html in
        let count = pairs[ClassPair(label: row, answer: column)] ?? 0
        guard count > 0 else { return "<td></td>" }
        let strength = String(format: "%.2f", 0.12 + 0.6 * Double(count) / total)
        let kind: Html = row == column ? " class=\"d\"" : ""
        return """
          <td\(kind) style="--a:\(strength)" title="\(label(row)) taken for \(label(column)): \(count)">\(count)</td>
          """
      }
      let name = label(row), isNamed = name != "\(row)"
      return "<tr><th scope=\"row\">\(row)\(isNamed ? " \(name)" : "")</th>\(cells)</tr>\n"
    }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="Confusion: \(title)"><table class="conf">
      <caption>Rows: the true class; columns: the answer</caption>
      <thead><tr><th scope="col">Class</th>\(heads)</tr></thead><tbody>
      \(rows)</tbody></table></div>
      """
  }

  private func list(_ pairs: [ClassPair: Int], _ title: String) -> Html {
    let wrong = pairs.filter { $0.key.label != $0.key.answer }.sorted {
      (-$0.value, $0.key.label, $0.key.answer) < (-$1.value, $1.key.label, $1.key.answer)
    }
    let rows = wrong.prefix(15).map { [label($0.key.label), label($0.key.answer), "\($0.value)"] }
    return Html.table("The commonest confusions: \(title)", ["Class", "Taken for", "Examples"], rows)
  }
}
