import DitherRobustness
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
    return .document(
      "Robustness of \(name)", head: "\(digests)", body: "\(header)\(sections.note)\(parts.compactMap { $0 })")
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
    let figures = CertificateFigures(report.probes, roles).all
    guard !figures.isEmpty else { return nil }
    return "<h2>Certified accuracy by radius</h2><div class=\"charts\">\(figures)</div>"
  }
}
