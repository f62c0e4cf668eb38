import DitherRobustness
import Foundation

extension ReportDifference {
  /// The comparison as one page that needs nothing else.
  /// - Parameters:
  ///   - links: above its title, where a server shows it.
  ///   - most: bytes; measures give way first, then probes, and the page says so. nil: all is there.
  public func html(links: [PageLink] = [], most: Int? = nil) -> String {
    let cuts: [[Level]] = [[], [.measure], [.measure, .probe]]
    var source = ""
    for cut in cuts {
      source = ComparePage(self, links: links, without: cut).html.source
      if source.utf8.count <= most ?? .max { break }
    }
    return source
  }
}

/// Two reports side by side: headlines first, then each probe, then what only one has.
private struct ComparePage {
  let found: ReportDifference
  let links: [PageLink]
  /// Levels that there is no room for.
  let without: [ReportDifference.Level]

  init(_ found: ReportDifference, links: [PageLink], without: [ReportDifference.Level]) {
    (self.found, self.links, self.without) = (found, links, without)
  }

  private func measurements(_ level: ReportDifference.Level) -> [ReportDifference.Measurement] {
    without.contains(level) ? [] : found.measurements.filter { $0.level == level }
  }

  private var leftOut: Html? {
    let count = found.measurements.count { without.contains($0.level) }
    guard count > 0 else { return nil }
    return
      "<p class=\"muted\">\(count) more measurements have no room here; <code>dither compare A B --all</code> has them.</p>"
  }

  var html: Html {
    let title = "\(found.second.model) against \(found.first.model)"
    let probes = measurements(.probe), measures = measurements(.measure)
    return .document(
      title,
      body: """
        \(Html.links(links))<header><p class="eyebrow">Two audits</p><h1>\(title)</h1><p class="lead">\(lead)</p>
        <p class="muted">\(found.isPaired
          ? "Both are about the very same examples: accuracies are compared one by one (Newcombe's interval for pairs, McNemar's test)."
          : "They are about different examples: numbers are compared as independent ones.") \
        Differences are the second less the first; intervals are of 95 %, each for itself.</p></header>
        <section class="card">\(sides)</section>
        <h2>Headlines</h2><section class="card">\(forest("Headlines", found.measurements.filter { $0.level == .headline }))</section>
        \(gates)\(alone)\(leftOut)
        \(probes.isEmpty ? nil : Html.part("probes", "Each probe", hint: "\(probes.count)", isOpen: true, "<section class=\"card\">\(forest("Accuracy by probe", probes))</section>"))
        \(measures.isEmpty ? nil : Html.part("measures", "Measures", hint: "\(measures.count)", isOpen: false, "<section class=\"card\">\(forest("Measures of probes", measures))</section>"))
        """)
  }

  private var lead: String {
    let worse = found.worse
    let better = found.measurements.filter { $0.level == .headline && $0.outcome == .better }.map(\.name)
    let words = [
      better.isEmpty ? nil : "Better: \(better.joined(separator: "; ")).",
      worse.isEmpty ? nil : "Worse: \(worse.joined(separator: "; ")).",
    ].compactMap { $0 }
    return words.isEmpty ? "No headline differs by more than chance explains." : words.joined(separator: " ")
  }

  private var sides: Html {
    let rows = [("First", found.first), ("Second", found.second)].map { name, side in
      [name, side.model, side.digest, "\(side.data), \(side.n) examples", "\(side.seed)", "\(side.samples)"]
    }
    return Html.table("The reports", ["Report", "Model", "Digest", "Data", "Seed", "Draws"], rows)
  }

  private func forest(_ caption: String, _ measurements: [ReportDifference.Measurement]) -> Html {
    func row(_ one: ReportDifference.Measurement) -> Forest.Row {
      func written(_ value: Double) -> String {
        one.isShare ? Written.points(value) : Written.number(value)
      }
      return Forest.Row(
        name: one.name, difference: one.difference, interval: one.interval, isLowerBetter: one.lowerIsBetter,
        cells: [
          written(one.first), written(one.second), one.mcnemarP.map(Written.probability) ?? "–", one.outcome.rawValue,
        ], written: written)
    }
    // Shares and other numbers have a scale each.
    let groups = [true, false].map { isShare in measurements.filter { $0.isShare == isShare }.map(row) }
    return Html(
      joining: zip(groups, ["points", "in its unit"]).filter { !$0.0.isEmpty }.map { rows, unit in
        Forest(
          caption: "\(caption), \(unit)", first: "Measurement", difference: "Difference, \(unit)",
          heads: ["First", "Second", "McNemar", "Outcome"], rows: rows
        ).html
      })
  }

  private var gates: Html? {
    guard !found.gates.isEmpty else { return nil }
    let rows = found.gates.map { gate in
      [
        gate.gate, gate.first ? "kept" : "not kept", gate.second ? "kept" : "not kept",
        gate.first == gate.second ? "" : "changed",
      ]
    }
    return
      "<h2>Gates</h2><section class=\"card\">\(Html.table("Gates of both", ["Gate", "First", "Second", "Verdict"], rows))</section>"
  }

  private var alone: Html? {
    let lists = [("In the first alone", found.onlyFirst), ("In the second alone", found.onlySecond)]
      .filter { !$0.1.isEmpty }
    guard !lists.isEmpty else { return nil }
    let parts = lists.map { title, names in
      "<h3>\(title)</h3><ul>\(names.map { "<li>\($0)</li>" as Html })</ul>" as Html
    }
    return "<h2>Not compared</h2><section class=\"card\">\(parts)</section>"
  }
}
