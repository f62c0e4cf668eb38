import DitherRobustness
import Foundation

/// Gaps of the numbers, and what speaks against them.
extension Page {
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
      ("Left out", "What the numbers do not cover:", items),
      ("Without an answer", "Counted as wrong in the numbers:", wrong),
    ].filter { !$0.2.isEmpty }
    return lists.isEmpty
      ? nil
      : Html(
        joining: lists.map { title, what, items in
          "<h2>\(title)</h2><section class=\"card noted\"><p>\(what)</p><ul>\(items)</ul></section>\n"
        })
  }

  private func failures(countedWrong: Bool) -> [Html] {
    let all = report.failuresByReason.filter { $0.countedWrong == countedWrong }
    var items = all.prefix(100).map { failure -> Html in
      let (probes, others) = failure.named, codes = probes.map { "<code>\($0)</code>" as Html }
      let names = Html(joining: codes, by: ", ")
      // A probe that could judge nothing at all was not measured, whatever the examples are.
      return failure.count == report.n && !countedWrong
        ? "<li>Not measured: \(names)\(others). \(failure.message.capitalizedFirst)</li>"
        : "<li>\(failure.examples): \(failure.message), in \(names)\(others)</li>"
    }
    if all.count > 100 { items.append("<li>and \(all.count - 100) more, in the JSON form</li>") }
    return items
  }

  /// Grouped by kind, the gravest first, each with what to do.
  var findings: Html? {
    let groups = report.findingGroups
    guard !groups.isEmpty else { return nil }
    let items = groups.map { group -> Html in
      let sentences = group.sentences, most = 4
      let shown = sentences.prefix(most).map { message, probes -> Html in
        let codes = probes.prefix(3).map { "<code>\($0)</code>" as Html }
        let rest: Html? = probes.count > 3 ? " and \(probes.count - 3) more" : nil
        return "<li>\(message) \(Html(joining: codes, by: ", "))\(rest)</li>"
      }
      let rest: Html? =
        sentences.count > most ? "<li>and \(sentences.count - most) sentences more, in the JSON form</li>" : nil
      return """
        <section><h3><span class="badge \(group.kind.severity.rawValue)">\(group.kind.severity.rawValue)</span> \
        \(group.kind.title)\(group.findings.count > 1 ? " (\(group.findings.count))" : "")</h3>
        <p class="advice"><strong>What to do:</strong> \(group.kind.advice)</p><ul>\(shown)\(rest)</ul></section>

        """
    }
    return """
      <h2 id="findings">Findings</h2><section class="card findings"><p>These numbers may flatter the model:</p>
      \(items)</section>

      """
  }
}
