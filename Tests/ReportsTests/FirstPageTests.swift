import DitherBasics
import DitherReports
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("The shape of a report's page")
struct FirstPageTests {
  private static let probes = [
    "clean", "calibration", "fgsm:epsilon=0.1", "pgd:epsilon=0.1,steps=2", "pgd:epsilon=0.2,steps=2",
    "deepfool:norm=l2,epsilon=0.5,steps=2", "fog", "shot_noise", "selective", "ood", "ibp:epsilon=0.05",
  ]

  private static func report(_ change: (inout AuditData) -> Void = { _ in }) throws -> Report {
    let model = try Small.model()
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, exampleCount: 60, inputShape: [1, 4, 4],
      gates: ["union:norm=linf,epsilon=0.1>=0.99", "clean>=0.1"].map { try Gate(parsing: $0) })
    var data = try Small.data(60, for: model)
    change(&data)
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "own", digest: "sha256:00", model: model),
      others: [AuditSubject(name: "other", digest: "sha256:11", model: Small.model(seed: 9))], data: data,
      otherData: { _ in .random([60, 1, 4, 4], seed: 4, from: 0, to: 1) })
    return try runner.report(runner.runAll(threads: 2))
  }

  /// Cells of the rows of the table whose element has a class.
  private static func rows(_ html: String, _ kind: String) -> [[String]] {
    guard
      let table = html.components(separatedBy: "<table class=\"\(kind)").dropFirst().first?
        .components(separatedBy: "</table>")[0]
    else { return [] }
    return table.matches(of: /(?s)<tr>(.*?)<\/tr>/).map { row in
      row.1.matches(of: /(?s)<t[hd][^>]*>(.*?)<\/t[hd]>/).map { cell in
        String(cell.1).replacing(/<small>.*?<\/small>/, with: "").replacing(/<[^>]*>/, with: "")
      }
    }
  }

  private static func percent(_ right: [Bool]) -> String {
    String(format: "%.1f %%", Double(right.count { $0 }) / Double(right.count) * 100)
  }

  @Test("its first table has a row for each threat model: the union, the baseline's, the gate")
  func threats() throws {
    let report = try Self.report(), rows = Self.rows(report.html(), "verdict")
    try #require(rows.count == 5)
    #expect(rows[0] == ["Threat model", "Accuracy", "95 %", "Baseline", "Strongest single attack", "Gate"])
    #expect(rows.dropFirst().map(\.[0]) == ["No attack", "L∞, ε = 0.1", "L∞, ε = 0.2", "L2, ε = 0.5"])
    // By hand, of the attacks' own lists.
    let lists = [[2, 3], [4], [5]].map { places in
      (
        own: (0..<60).map { row in places.allSatisfy { report.probes[$0].perExample[row] } },
        other: (0..<60).map { row in places.allSatisfy { report.probes[$0].others[0].perExample[row] } }
      )
    }
    for (row, list) in zip(rows.dropFirst(2), lists) {
      #expect(row[1] == Self.percent(list.own) && row[3] == Self.percent(list.other), "\(row)")
    }
    #expect(rows[2][5].hasPrefix("not kept: union") && rows[1][5] == "kept" && rows[3][5] == "–")
  }

  @Test("every link leads to a part of the page, and every part has a link")
  func contents() throws {
    let html = try Self.report().html()
    let links = html.matches(of: /<a href="#([a-z0-9-]+)"/).map { String($0.1) }
    let parts = html.matches(of: /<details class="part"[^>]*><summary>.*?<\/summary><div id="([a-z0-9-]+)"/).map {
      String($0.1)
    }
    #expect(!links.isEmpty && links == parts && Set(links).count == links.count)
    for id in [
      "epsilon", "classes", "comparisons", "corruptions", "calibration", "failing", "certificates", "scope", "words",
    ] {
      #expect(links.contains(id), "\(id)")
    }
    // What is shut is there without a script, and what the script fills is hidden until it does.
    #expect(html.matches(of: /<p class="tools"(?! hidden)/).isEmpty)
  }

  @Test("a browser runs the page's own script and no other, by its hash")
  func script() throws {
    let html = try Self.report().html()
    let text = try #require(html.firstMatch(of: /(?s)<script>(.*?)<\/script>/)?.1)
    let hash = Data(Sha256.hash(text.utf8).bytes).base64EncodedString()
    #expect(html.contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-\(hash)'"))
    #expect(PageScript.report.source == "sha256-\(hash)" && !text.contains("<"))
    // No event in an attribute, nothing from elsewhere.
    #expect(html.matches(of: /\son[a-z]+=/).isEmpty && html.matches(of: /\s(src|href)="(?!data:|#)/).isEmpty)
  }

  @Test("a page holds its report's data, and a page without them is refused with what to do")
  func packed() throws {
    let report = try Self.report(), html = report.html()
    #expect(try Report(html: html).json() == report.json())
    let cut = html.replacing(/<template .*?<\/template>/, with: "")
    let error = #expect(throws: RobustnessError.self) { try Report(html: cut) }
    #expect(error?.advice?.contains("--json") == true)
    for text in [
      "<template data-dither-report=\"gzip\">AAAA</template>", "<template data-dither-report=\"gzip\">!</template>",
    ] {
      #expect(throws: RobustnessError.self) { try Report(html: text) }
    }
  }

  @Test("examples that fail have the keys that they are filtered by")
  func failing() throws {
    let report = try Self.report(), html = report.html(), facts = try #require(report.examples)
    let options = html.matches(of: /<option value="(\d+)">([^<]*)<\/option>/).map { (String($0.1), String($0.2)) }
    let pgd = try #require(options.last { $0.1.hasPrefix("pgd, L∞, ε = 0.2") }).0
    let rows = html.matches(of: /<tr data-c="(\d+)" data-p="([0-9 ]*)"><th scope="row">(\d+)<\/th>/)
    let broken = Set(rows.filter { $0.2.split(separator: " ").contains(Substring(pgd)) }.compactMap { Int($0.3) })
    #expect(broken == Set((0..<60).filter { !report.probes[4].perExample[$0] }) && !broken.isEmpty)
    for row in rows { #expect(Int(row.3).map { facts.labels[$0] } == Int(row.1)) }
  }

  @Test("the page says when and where it was made only if that was asked for")
  func stamp() throws {
    var report = try Self.report()
    let plain = report.html()
    #expect(plain.contains("--stamp states it") && !plain.contains("Made on"))
    report.stamp = Stamp(date: "2026-11-30T04:28:54Z", machine: "a machine", auditor: "A. <b>Uditor")
    let html = report.html()
    #expect(html.contains("Made on 2026-11-30T04:28:54Z by A. &lt;b&gt;Uditor.") && html.contains("a machine"))
    #expect(try Report(json: report.json()).stamp == report.stamp)
  }

  @Test("histograms are bars, as tall as their root says, and certified curves have what attacks leave beside them")
  func charts() throws {
    // Each figure alone, without what stands behind it.
    let figures = try Self.report().html().components(separatedBy: "<figure").map {
      $0.components(separatedBy: "</figure>")[0]
    }
    let scores = try #require(figures.first { $0.contains("Scores by predictive_entropy") })
    let drawing = scores.components(separatedBy: "</svg>")[0]
    let bars = drawing.matches(of: /<rect class="bar" x="[^"]*" y="([^"]*)" width="[^"]*" height="([^"]*)"/)
    #expect(bars.count >= 48 && !drawing.contains("<polyline") && scores.contains("by its square root"))
    for bar in bars {
      let top = Double(bar.1) ?? 0, height = Double(bar.2) ?? 0
      #expect(abs(top + height - 234) < 1.1)
    }
    let certified = try #require(
      figures.first { $0.contains("ibp, L∞") && $0.contains("certified accuracy by radius") })
    #expect(certified.contains("s-attacked") && certified.contains("this model under all attacks together"))
  }
}
