import DitherBasics
import DitherInference
import DitherRobustness
import Foundation

extension Report {
  /// The report as one page that needs nothing else: no request, every picture inside, and one script, which only opens
  /// and filters. The report's data are in it as well, packed (``Report/init(html:)``).
  public func html() -> String { Page(self).html.source }
}

/// The page: the first says what was found, the sections below it fold, from the main thing to the fine print.
struct Page {
  let report: Report

  init(_ report: Report) { self.report = report }

  var html: Html {
    let first = firstPage, data = packed, taken = first.source.utf8.count + (data?.source.utf8.count ?? 0)
    let pictures = Self.picturesPlace, all = parts
    let plain = PageSections(all, room: PageSections.mostBytes - taken)
    // Pictures take what is left.
    let room = min(PageSections.mostBytes - taken - plain.size, Self.pictureAllowance)
    var shown = all
    let place = shown.firstIndex { $0.id == pictures } ?? shown.endIndex
    shown.insert(.init(id: "pictures", title: "What it looks like", body: gallery(room: room)), at: place)
    shown.removeAll { section in section.body == nil || plain.leftOut.contains(section.title) }
    let sections = PageSections(shown, room: .max)
    return .document(
      "Robustness of \(name)", head: "\(digests)",
      body: "\(header)\(sections.contents)\(first)\(plain.note)\(sections.sections.compactMap(\.html))\(data)",
      script: .report)
  }

  /// Pictures stand before this section.
  private static let picturesPlace = "conditions"

  private var parts: [PageSections.Section] { partsAbove + measurements + partsBelow }

  private var partsAbove: [PageSections.Section] {
    [
      .init(id: "errors", title: "Errors under every condition", isOpen: true, rank: 23, body: errors),
      .init(id: "epsilon", title: "Accuracy against epsilon", isOpen: true, rank: 20, body: envelopes),
      .init(id: "classes", title: "Classes", hint: classHint, isOpen: true, rank: 19, body: classes),
      .init(
        id: "comparisons", title: "Against the baselines, example by example", isOpen: true, rank: 22,
        body: comparison),
      .init(id: "corruptions", title: "Corruptions", isOpen: true, rank: 21, body: corruptions),
      .init(
        id: "certificates", title: "Certified accuracy by radius", isOpen: true, rank: 17, body: certificates),
      .init(
        id: "guarantees", title: "Guarantees (PAC-Bayes)", hint: guaranteeHint, isOpen: true, rank: 17,
        body: guarantees),
      .init(id: "calibration", title: "Reliability diagrams", isOpen: true, rank: 18, body: calibration),
      .init(id: "failing", title: "Examples that fail", hint: failingHint, rank: 6, body: failing),
      .init(id: "conditions", title: "Accuracy under every condition", rank: 16, body: overview),
      .init(id: "strength", title: "Each attack by its strength", rank: 9, body: strengths),
      .init(id: "distances", title: "Minimal perturbations", rank: 11, body: distances),
      .init(id: "transfer", title: "Transfer", rank: 12, body: transfer),
      .init(id: "severities", title: "Corruptions, curves by severity", rank: 3, body: corruptionFigures),
    ]
  }

  private var partsBelow: [PageSections.Section] {
    [
      .init(id: "progress", title: "How the attacks got on", hint: "attack progress", rank: 4, body: progress),
      .init(id: "numbers", title: "All numbers", body: numbers),
      .init(id: "checks", title: "Checks that passed", hint: passedHint, rank: 5, body: checks),
      .init(id: "scope", title: "Scope, and how to get the same report", isOpen: true, body: fineprint),
      .init(id: "words", title: "Glossary", rank: 1, body: glossary),
    ]
  }

  /// The page's subject, for programs that check its signature.
  private var digests: [Html] {
    let facts =
      [("model-digest", report.digest)] + (report.members ?? []).map { ("member-digest", $0.digest) }
      + [("data-digest", report.dataDigest), ("seed", "\(report.seed)")] + (report.code.map { [("code", $0)] } ?? [])
    return facts.map { "<meta name=\"dither:\($0.0)\" content=\"\($0.1)\">" }
  }

  var name: String { report.version.map { "\(report.model)@\($0)" } ?? report.model }
  var clean: ProbeReport? { report.probes.first }
  var attacks: [ProbeReport] { report.probes.filter { $0.kind == .attack } }
  /// Whose numbers there are, in the order of legends and columns.
  var roles: [Chart.Series.Role] {
    let others = report.probes.map(\.others.count).max() ?? 0
    let all = [.model] + (0..<others).map(Chart.Series.Role.other) + [.noiseOff, .singleDraw]
    return all.filter { role in report.probes.contains { $0.measured(role) != nil } }
  }

  /// The other models, each with what the page calls it.
  var comparisons: [(role: Chart.Series.Role, comparison: Comparison)] {
    report.comparisons.enumerated().map { (.other($0), $1) }
  }

  var certificates: Html? {
    let figures = CertificateFigures(report.probes, roles, under: report.threatModels).all
    return figures.isEmpty ? nil : "<div class=\"charts\">\(figures)</div>"
  }

  /// A class by its name, where it has one.
  func label(_ index: Int) -> String {
    guard index != Label.none else { return "no answer" }
    guard let names = report.labelNames, names.indices.contains(index) else { return "\(index)" }
    // A name that turns the direction of what follows would be read as another.
    return names[index].shown()
  }
}
