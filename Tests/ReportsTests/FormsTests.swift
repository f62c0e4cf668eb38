import DitherBasics
import DitherRobustness
import DitherReports
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// A report of every kind of probe, in its forms.
@Suite("Forms of a report")
struct FormsTests {
  /// Parameters that make any probe small.
  private static let small = [
    "steps": "2", "queries": "20", "repeats": "2", "searches": "2", "targets": "1", "restarts": "1", "n0": "10",
    "n": "40", "draws": "2", "most": "4", "lanczos": "4", "vectors": "1", "epsilon": "0.1", "severity": "2",
  ]

  private static func report(_ name: String, sigma: Float = 0, isRegression: Bool = false) throws -> Report {
    let kind = try Catalog.probes.entry(named: name)
    let model = try Small.model(sigma: sigma, isRegression: isRegression)
    let parameters = Self.small.filter { kind.defaults[$0.key] != nil }
    let plan = try AuditPlan(
      probes: [ProbeSpec("clean"), ProbeSpec(name, name == "clean" ? [:] : parameters)], seed: 3,
      samples: sigma > 0 ? 2 : 0, exampleCount: 42, inputShape: [1, 4, 4], isRegression: isRegression)
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "own", digest: "sha256:00", model: model),
      others: [
        AuditSubject(name: "other <b>&", digest: "sha256:11", model: Small.model(seed: 9, isRegression: isRegression))
      ],
      data: isRegression ? Small.values(42, for: model) : Small.data(42, for: model),
      otherData: { _ in .random([42, 1, 4, 4], seed: 4, from: 0, to: 1) })
    return try runner.report(plan.shards.map { try runner.run($0) })
  }

  private static func names(of isTaken: (any Probe) -> Bool) -> [String] {
    Catalog.probes.entries.filter { (try? $0.probe()).map(isTaken) ?? true }.map(\.name)
  }

  @Test(
    "every probe's report of a regression is read again as it was written, and drawn",
    arguments: names { $0.takesValues })
  func everyProbeOfValues(_ name: String) throws {
    for sigma in [0, 0.1] as [Float] {
      let report = try Self.report(name, sigma: sigma, isRegression: true)
      #expect(report.failures == nil && report.tolerance?.count == 3)
      try Self.check(#require(report.probes.last), name)
      try Self.checkForms(report)
    }
  }

  @Test(
    "every probe's report is read again as it was written, and drawn", arguments: names { $0.takesClasses })
  func everyProbe(_ name: String) throws {
    let report = try Self.report(name)
    // This model's mistakes have no likeliest temperature, which is said instead.
    #expect((report.failures?.map(\.probe) ?? []) == (name == "temperature" ? [name] : []))
    #expect(report.probes.count == (name == "temperature" ? 1 : 2))
    if name != "temperature" { try Self.check(#require(report.probes.last), name) }
    try Self.checkForms(report)
  }

  private static func checkForms(_ report: Report) throws {
    let json = try report.json(), again = try Report(json: json)
    #expect(try again.json() == json)
    let page = report.html()
    #expect(Self.unbalanced(page) == nil, "\(Self.unbalanced(page) ?? "")")
    #expect(!page.contains("<b>&") && report.html() == page)
    for drawing in page.components(separatedBy: "<svg").dropFirst() {
      let svg = drawing.components(separatedBy: "</svg>")[0]
      #expect(Self.isInside(svg), "\(svg.prefix(300))")
    }
  }

  private static func check(_ probe: ProbeReport, _ name: String) {
    #expect(probe.probe == name && probe.n == 42 && !probe.title.isEmpty && probe.others.count == 1)
    #expect(probe.kind != .attack || probe.threat != nil && probe.strength != nil)
    #expect(probe.kind != .corruption || probe.corruption?.severity == 2 && probe.strength?.value == 2)
  }

  /// Every coordinate is a number within the drawing, or just outside of it.
  private static func isInside(_ svg: String) -> Bool {
    guard let box = svg.firstMatch(of: /viewBox="0 0 ([0-9.]+) ([0-9.]+)"/), let width = Double(box.1),
      let height = Double(box.2)
    else { return false }
    let pairs = svg.matches(of: /points="([^"]*)"/).flatMap { $0.1.split(separator: " ") }.map {
      $0.split(separator: ",").map { Double($0) ?? .nan }
    }
    let xs = pairs.map(\.[0]) + svg.matches(of: /\sc?x1?="([^"]*)"/).map { Double($0.1) ?? .nan }
    let ys = pairs.map(\.[1]) + svg.matches(of: /\sc?y1?="([^"]*)"/).map { Double($0.1) ?? .nan }
    return xs.allSatisfy { (-20...width + 20).contains($0) } && ys.allSatisfy { (-20...height + 20).contains($0) }
  }

  /// The first tag that is not closed where it should be; nil where all are.
  private static func unbalanced(_ page: String) -> String? {
    let alone: Set = ["meta", "br", "img", "link", "hr", "wbr"]
    var open: [String] = []
    for tag in page.matches(of: /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^>"]|"[^"]*")*)>/) {
      let name = String(tag.2).lowercased()
      if alone.contains(name) || tag.3.hasSuffix("/") { continue }
      if tag.1.isEmpty {
        open.append(name)
      } else if open.popLast() != name {
        return "</\(name)> at \(page[tag.range.lowerBound...].prefix(60))"
      }
    }
    return open.last.map { "<\($0)>" }
  }

  @Test("a model with noise has its control and its flips in every form")
  func random() throws {
    let report = try Self.report("pgd", sigma: 0.2), again = try Report(json: report.json())
    #expect(again.probes[1].noiseOff != nil && again.probes[1].noiseFlips != nil && again.samples == 2)
    #expect(again.probes[1].noiseOff?.perExample.count == 42 && report.html().contains("noise off"))
  }
}
